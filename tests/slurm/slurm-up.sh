#!/usr/bin/env bash
# slurm-up.sh: idempotently start a REAL single-machine Slurm (munged + [mariadbd + slurmdbd] + slurmctld + N slurmd)
# usage: slurm-up.sh [--accounting]     state: $SLURM_LAB (default /tmp/slurm-lab)   needs: root, Debian packages
set -euo pipefail
LAB=${SLURM_LAB:-/tmp/slurm-lab}
ACCT=${SLURM_LAB_ACCOUNTING:-0}; [ "${1:-}" = --accounting ] && ACCT=1
CTLD_PORT=${SLURM_LAB_PORT:-16817}; DBD_PORT=$((CTLD_PORT+2)); CPU_PORT=$((CTLD_PORT+11)); GPU_PORT=$((CTLD_PORT+12))
HOST=$(hostname -s)
CPUS=$(nproc); MEM=$(awk '/MemTotal/{print int($2/1024*0.9)}' /proc/meminfo)
export SLURM_CONF=$LAB/etc/slurm.conf
t0=$(date +%s.%N)
alive() { [ -s "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null; }
wait_for() { local n=$1; shift; for _ in $(seq $((n*10))); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done; echo "timeout: $*" >&2; return 1; }

mkdir -p "$LAB"/{etc,run,log,spool/ctld,spool/cpu1,spool/gpu1,db}
chmod 755 "$LAB" "$LAB"/{etc,run,log}

# ---- munge (own key, own socket: leaves a system munge alone)
if [ ! -s "$LAB/etc/munge.key" ]; then (umask 077; head -c 1024 /dev/urandom > "$LAB/etc/munge.key"); fi
if ! alive "$LAB/run/munged.pid"; then
  munged --force --key-file="$LAB/etc/munge.key" --socket="$LAB/run/munge.socket" \
         --pid-file="$LAB/run/munged.pid" --seed-file="$LAB/run/munged.seed" --log-file="$LAB/log/munged.log"
fi
wait_for 5 sh -c "munge -S $LAB/run/munge.socket -n | unmunge -S $LAB/run/munge.socket"

# ---- config
if [ "$ACCT" = 1 ]; then
  ACCT_LINES="AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=localhost
AccountingStoragePort=$DBD_PORT
AccountingStoragePass=$LAB/run/munge.socket
AccountingStorageTRES=gres/gpu
AccountingStoreFlags=job_comment
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=2"
else
  ACCT_LINES="AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/filetxt
JobCompLoc=$LAB/log/jobcomp.txt"
fi
cat > "$SLURM_CONF.new" <<CONF
ClusterName=lab
SlurmctldHost=$HOST(127.0.0.1)
SlurmctldPort=$CTLD_PORT
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$LAB/run/munge.socket
CredType=cred/munge
StateSaveLocation=$LAB/spool/ctld
SlurmdSpoolDir=$LAB/spool/%n
SlurmctldPidFile=$LAB/run/slurmctld.pid
SlurmdPidFile=$LAB/run/slurmd-%n.pid
SlurmctldLogFile=$LAB/log/slurmctld.log
SlurmdLogFile=$LAB/log/slurmd-%n.log
# no cgroups, no systemd
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
MinJobAge=300
EnforcePartLimits=ALL
MaxArraySize=1001
KillWait=2
InactiveLimit=0
SlurmctldTimeout=120
SlurmdTimeout=120
$ACCT_LINES
# one host, several slurmd (Debian builds with --enable-multiple-slurmd)
NodeName=DEFAULT Sockets=1 CoresPerSocket=$CPUS ThreadsPerCore=1 RealMemory=$MEM State=UNKNOWN
NodeName=cpu1 NodeHostname=$HOST NodeAddr=127.0.0.1 Port=$CPU_PORT
NodeName=gpu1 NodeHostname=$HOST NodeAddr=127.0.0.1 Port=$GPU_PORT Gres=gpu:fake:2
PartitionName=DEFAULT MaxTime=UNLIMITED DefaultTime=10 DefMemPerCPU=256 State=UP
PartitionName=cpu Nodes=cpu1 Default=YES PriorityTier=10
PartitionName=gpu Nodes=gpu1 PriorityTier=10
PartitionName=preempt Nodes=cpu1 PriorityTier=1 PreemptMode=REQUEUE
CONF
# fake GPUs: File= must name character devices that exist; any will do, /dev/null may be used only once -> make nodes
for i in 0 1; do [ -e "$LAB/run/fakegpu$i" ] || mknod "$LAB/run/fakegpu$i" c 1 3; done
printf 'NodeName=gpu1 Name=gpu Type=fake File=%s\n' "$LAB/run/fakegpu[0-1]" > "$LAB/etc/gres.conf"
if ! cmp -s "$SLURM_CONF.new" "$SLURM_CONF"; then mv "$SLURM_CONF.new" "$SLURM_CONF"; else rm "$SLURM_CONF.new"; fi

# the plugin's job step strips every SLURM_* variable (SLURM_CONF too) before its inner srun -> the default path must resolve
for f in slurm gres; do
  if [ ! -e "/etc/slurm/$f.conf" ] || [ -L "/etc/slurm/$f.conf" ]; then ln -sfn "$LAB/etc/$f.conf" "/etc/slurm/$f.conf"
  else echo "refusing: /etc/slurm/$f.conf is a real file (a cluster's own)" >&2; exit 1; fi
done

# ---- accounting
if [ "$ACCT" = 1 ]; then
  if ! alive "$LAB/run/mariadb.pid"; then
    chown -R mysql "$LAB/db"
    [ -d "$LAB/db/mysql" ] || mariadb-install-db --no-defaults --datadir="$LAB/db" --user=mysql --auth-root-authentication-method=normal --skip-test-db >"$LAB/log/mariadb-install.log" 2>&1
    setsid mariadbd --no-defaults --datadir="$LAB/db" --socket="$LAB/db/m.sock" --pid-file="$LAB/db/mariadb.pid" --skip-networking \
       --user=mysql --innodb-buffer-pool-size=64M --innodb-flush-log-at-trx-commit=0 --log-error="$LAB/log/mariadb.log" </dev/null >/dev/null 2>&1 &
    echo $! > "$LAB/run/mariadb.pid"
    wait_for 15 mariadb-admin --no-defaults -uroot -S "$LAB/db/m.sock" ping
  fi
  if ! alive "$LAB/run/slurmdbd.pid"; then
    (umask 077; cat > "$LAB/etc/slurmdbd.conf" <<CONF
AuthType=auth/munge
AuthInfo=socket=$LAB/run/munge.socket
DbdHost=localhost
DbdPort=$DBD_PORT
SlurmUser=root
LogFile=$LAB/log/slurmdbd.log
PidFile=$LAB/run/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm_acct
CONF
)
    export MYSQL_UNIX_PORT=$LAB/db/m.sock
    slurmdbd
  fi
  wait_for 20 sacctmgr -n -i show cluster
  [ -n "$(sacctmgr -n -P show cluster lab)" ] || { sacctmgr -i add cluster lab; sacctmgr -i add account lab Description=lab Organization=lab; sacctmgr -i add user "$(id -un)" Account=lab; } >/dev/null
fi

# ---- controller + nodes
alive "$LAB/run/slurmctld.pid" || slurmctld
wait_for 10 sh -c 'scontrol ping | grep -q UP'
for n in cpu1 gpu1; do alive "$LAB/run/slurmd-$n.pid" || slurmd -N "$n"; done
wait_for 15 sh -c '[ "$(sinfo -h -N -t idle,alloc,mix -o %N | sort -u | wc -l)" = 2 ]'
printf 'slurm up in %.1fs; export SLURM_CONF=%s\n' "$(echo "$(date +%s.%N) - $t0" | bc 2>/dev/null || python3 -c "import time;print(time.time()-$t0)")" "$SLURM_CONF"
sinfo -N -o '%N %P %t %c %m %G'
