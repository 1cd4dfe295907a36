/** A Slurm of one machine, for a test: made in a folder of its own, taken down with it. Needs root, as munge and slurmd do. */
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export interface SlurmMachine {
  /** What commands need to find it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Output of a Slurm command. */
  readonly ask: (program: string, ...args: string[]) => string;
  readonly stop: () => Promise<void>;
}

const PROGRAMS = ["munged", "slurmctld", "slurmd", "sbatch", "squeue"];
/** More than the machine has: the tests' runs are short, and most of their time is start-up. */
const CPU_COUNT = 6;

/** Why there can be none here; undefined where there can. */
export function slurmMissing(): string | undefined {
  if (process.platform !== "linux") return "Slurm runs on Linux alone";
  const absent = PROGRAMS.filter((name) => spawnSync("which", [name], { env: withSbin() }).status !== 0);
  if (absent.length > 0)
    return `Slurm is not installed (no ${absent.join(", ")}): apt-get install slurm-wlm munge`;
  return process.getuid?.() === 0 ? undefined : "starting Slurm's daemons needs root";
}

/** Starts munge, the controller and the node, and waits until the node takes jobs. */
export async function startSlurm(): Promise<SlurmMachine> {
  const folder = mkdtempSync(path.join(tmpdir(), "phew-slurm-"));
  const at = (...names: string[]) => path.join(folder, ...names);
  // munge wants its socket's folders open to all, and its key to nobody else
  for (const name of [".", "state", "spool", "log"]) {
    mkdirSync(at(name), { recursive: true });
    chmodSync(at(name), 0o755);
  }
  writeFileSync(at("state", "munge.key"), randomBytes(1024), { mode: 0o600 });
  const [controllerPort, nodePort] = [await freePort(), await freePort()];
  writeFileSync(at("slurm.conf"), configuration(folder, controllerPort, nodePort));
  writeFileSync(at("cgroup.conf"), "CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n");
  const environment = { ...withSbin(), SLURM_CONF: at("slurm.conf") };
  const ask = (program: string, ...args: string[]) =>
    execFileSync(program, args, {
      env: environment,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 300_000,
    });
  const stop = async () => {
    const pids = ["slurmd.pid", "slurmctld.pid", "munged.pid"]
      .map((name) => at("state", name))
      .flatMap((file) => (existsSync(file) ? Number(readFileSync(file, "utf8")) : []));
    for (const pid of pids) signal(pid, "SIGTERM");
    for (let k = 0; k < 100 && pids.some((pid) => signal(pid, 0)); k++) await sleep(50);
    for (const pid of pids) signal(pid, "SIGKILL");
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    ask(
      "munged",
      "--num-threads=4",
      `--key-file=${at("state", "munge.key")}`,
      `--socket=${at("state", "munge.sock")}`,
      `--pid-file=${at("state", "munged.pid")}`,
      `--seed-file=${at("state", "munge.seed")}`,
      `--log-file=${at("log", "munged.log")}`,
    );
    ask("slurmctld");
    ask("slurmd");
    await untilIdle(() => ask("sinfo", "--noheader", "--format=%T"));
  } catch (error) {
    const log = existsSync(at("log", "slurmctld.log"))
      ? readFileSync(at("log", "slurmctld.log"), "utf8")
      : "";
    await stop();
    throw new Error(`Slurm did not start: ${(error as Error).message}\n${log.slice(-2000)}`);
  }
  return { environment: { SLURM_CONF: environment.SLURM_CONF }, ask, stop };
}

async function untilIdle(state: () => string): Promise<void> {
  let last = "";
  for (let k = 0; k < 150; k++) {
    try {
      last = state().trim();
      if (last === "idle") return;
    } catch (error) {
      last = (error as Error).message;
    }
    await sleep(100);
  }
  throw new Error(`the node is not idle but ${last}`);
}

function configuration(folder: string, controllerPort: number, nodePort: number): string {
  const [name] = hostname().split(".");
  // credentials expire soon, because a requeued job waits for as long; Slurm takes no less than 5 s
  return `ClusterName=phew
SlurmctldHost=${name}(127.0.0.1)
SlurmctldPort=${controllerPort}
SlurmdPort=${nodePort}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=${folder}/state/munge.sock,cred_expire=5
CryptoType=crypto/munge
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool
SlurmctldPidFile=${folder}/state/slurmctld.pid
SlurmdPidFile=${folder}/state/slurmd.pid
SlurmctldLogFile=${folder}/log/slurmctld.log
SlurmdLogFile=${folder}/log/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SchedulerParameters=batch_sched_delay=1,sched_interval=1,sched_min_interval=100000
NodeName=${name} NodeAddr=127.0.0.1 CPUs=${CPU_COUNT} RealMemory=1000 State=UNKNOWN
PartitionName=main Nodes=${name} Default=YES MaxTime=INFINITE State=UP
`;
}

/** @returns whether the process was there */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** Debian keeps daemons where a user's path does not look. */
function withSbin(): Record<string, string> {
  return { ...(process.env as Record<string, string>), PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
}
