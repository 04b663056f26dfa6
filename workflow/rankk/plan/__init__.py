"""What an experiment will cost before it runs, from measured speeds and stated guesses."""
