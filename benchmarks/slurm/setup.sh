#!/usr/bin/env bash
# Set up a real one-node Slurm of Debian's packages on this machine (as root; Debian 12 or later).
# Usage: benchmarks/slurm/setup.sh [start|stop]
set -euo pipefail

state=${PARKGAP_SLURM_STATE:-/var/lib/parkgap-slurm}
run_as=(setpriv --reuid=munge --regid=munge --init-groups)

stop() {
  for name in slurmd slurmctld munged; do
    [ -f "$state/$name.pid" ] && kill "$(cat "$state/$name.pid")" 2>/dev/null || true
  done
}

install_packages() {
  command -v slurmctld >/dev/null && command -v munged >/dev/null && return
  apt-get update -q
  apt-get install -y -q --no-install-recommends slurm-wlm munge
}

start_munge() {
  install -d -o munge -g munge -m 0755 /run/munge
  [ -s /etc/munge/munge.key ] || "${run_as[@]}" mungekey --create --keyfile /etc/munge/munge.key
  munge -n >/dev/null 2>&1 || "${run_as[@]}" munged --pid-file="/run/munge/munged.pid"
  cp /run/munge/munged.pid "$state/munged.pid" 2>/dev/null || true
}

write_config() {
  local host cores memory
  host=$(hostname -s)
  cores=$(nproc)
  memory=$(awk '/MemTotal/ {print int($2 / 1024 * 0.9)}' /proc/meminfo)
  cat > /etc/slurm/slurm.conf <<CONF
ClusterName=parkgap
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
StateSaveLocation=$state/ctld
SlurmdSpoolDir=$state/slurmd
SlurmctldPidFile=$state/slurmctld.pid
SlurmdPidFile=$state/slurmd.pid
SlurmctldLogFile=$state/slurmctld.log
SlurmdLogFile=$state/slurmd.log
# A single machine without control groups: processes are followed through /proc.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=2,sched_min_interval=100000
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cores RealMemory=$memory State=UNKNOWN
PartitionName=normal Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
}

case "${1:-start}" in
  stop) stop ;;
  start)
    mkdir -p "$state/ctld" "$state/slurmd" /etc/slurm
    install_packages
    start_munge
    write_config
    slurmctld -c
    slurmd -c
    for _ in $(seq 30); do
      sinfo -h -o %t 2>/dev/null | grep -qE 'idle|mix|alloc' && break
      sleep 1
    done
    sinfo
    ;;
  *) echo "usage: $0 [start|stop]" >&2; exit 2 ;;
esac
