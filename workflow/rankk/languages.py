"""Languages by ISO 639-3 code."""

LANGUAGES = {
    "ara": "Arabic", "ben": "Bengali", "ces": "Czech", "dan": "Danish", "deu": "German", "eng": "English",
    "fas": "Persian", "fin": "Finnish", "fra": "French", "hin": "Hindi", "hun": "Hungarian", "ind": "Indonesian",
    "ita": "Italian", "jpn": "Japanese", "kor": "Korean", "nld": "Dutch", "nor": "Norwegian", "pol": "Polish",
    "por": "Portuguese", "rus": "Russian", "slk": "Slovak", "spa": "Spanish", "swe": "Swedish", "swa": "Swahili",
    "tel": "Telugu", "tha": "Thai", "tur": "Turkish", "ukr": "Ukrainian", "yor": "Yoruba", "zho": "Chinese",
}  # fmt: skip
"""English names of languages, used in prompts and figures."""

ANALYZERS = {
    "ara": "ar", "ben": "bn", "dan": "da", "deu": "de", "eng": "en", "fas": "fa", "fin": "fi", "fra": "fr",
    "hin": "hi", "hun": "hu", "ind": "id", "ita": "it", "jpn": "ja", "kor": "ko", "nld": "nl", "nor": "no",
    "por": "pt", "rus": "ru", "spa": "es", "swe": "sv", "tha": "th", "tur": "tr", "zho": "zh",
}  # fmt: skip
"""Language codes of Anserini's analyzers."""
