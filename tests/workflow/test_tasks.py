"""Independent tasks: one failure stops no other, and a killed worker is run again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import StudyError
from pipeline.workflow.cluster import Cluster, executor_settings, read_cluster
from pipeline.workflow.tasks import Task, log_of, run_tasks
from tests.workflow.kubernetes import kubernetes

DOCS = Path(__file__).parents[2] / "docs" / "cluster"


def task(name: str, code: str, *, needs: tuple[str, ...] = (), priority: int = 0) -> Task:
    return Task(name, (sys.executable, "-c", code), 100, needs, priority)


def test_failures_stop_only_what_needs_them_and_the_killed_are_run_again(tmp_path: Path) -> None:
    killed = (
        "import os, pathlib, signal; seen = pathlib.Path('seen')\n"
        "if not seen.exists():\n    seen.touch(); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    order = "import time; open('order', 'a').write({!r})"
    tasks = [
        task("fails", "raise SystemExit('no such city')"),
        task("needs_it", "", needs=("fails",)),
        task("killed", killed),
        task("small", order.format("s"), priority=1),
        task("large", order.format("l"), priority=1000),
    ]
    heard: list[str] = []
    ended = run_tasks(tmp_path, tasks, cores=1, retries=1, on_end=heard.append)
    assert ended == {"killed", "small", "large"}
    assert set(heard) == ended
    assert "no such city" in log_of(tmp_path, "fails")
    assert (tmp_path / "order").read_text(encoding="utf-8") == "ls", "the largest comes first"
    # All tasks run again; what they keep is their own affair.
    again: list[str] = []
    assert run_tasks(tmp_path, tasks[3:], cores=1, on_end=again.append) == {"small", "large"}
    assert again == ["large", "small"]
    assert (tmp_path / "order").read_text(encoding="utf-8") == "lsls"


def test_descriptions_of_clusters(tmp_path: Path) -> None:
    for name in ("slurm", "kubernetes"):
        assert read_cluster(DOCS / f"{name}.yml").executor == name
    wrong = tmp_path / "c.yml"
    wrong.write_text("executor: slurm\njobs: none\nnodes: 3\n", encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        read_cluster(wrong)
    assert {problem.row for problem in caught.value.problems} == {"jobs", "nodes"}
    with pytest.raises(StudyError, match="pip install snakemake-executor-plugin-abacus"):
        executor_settings(Cluster(executor="abacus"))
    pytest.importorskip("snakemake_executor_plugin_kubernetes", reason="needs the group `cluster`")
    for options in ({"persistent_volumes": ["nowhere"]}, {"volumes": "x"}):
        with pytest.raises(StudyError, match="option"):
            executor_settings(Cluster(executor="kubernetes", options=options))


@pytest.mark.skipif(
    shutil.which("sinfo") is None or subprocess.run(["sinfo", "-h"], check=False).returncode != 0,
    reason="no Slurm runs here: benchmarks/slurm/setup.sh sets one up",
)
def test_tasks_run_on_slurm(tmp_path: Path) -> None:
    pytest.importorskip("snakemake_executor_plugin_slurm")
    code = "import os; open('job', 'w').write(os.environ['SLURM_JOB_ID'])"
    cluster = read_cluster(DOCS / "slurm.yml").model_copy(update={"latency_wait_s": 10})
    assert run_tasks(tmp_path, [task("one", code)], cores=1, cluster=cluster) == {"one"}
    assert (tmp_path / "job").read_text(encoding="utf-8").isdigit()


def test_tasks_run_through_the_plugin_for_kubernetes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("snakemake_executor_plugin_kubernetes", reason="needs the group `cluster`")
    from kubernetes.config import kube_config

    work, pods = tmp_path / "work", tmp_path / "pods"
    pods.mkdir()
    described = read_cluster(DOCS / "kubernetes.yml")
    volume = {"persistent_volumes": [f"parkgap-workspace:{work}"], "namespace": "parkgap"}
    cluster = described.model_copy(update={"options": volume, "latency_wait_s": 5, "retries": 0})
    works = task("works", "open('done_here', 'w').write('x')")
    fails = task("fails", "raise SystemExit('no such city')")
    with kubernetes(pods) as (served, config):
        monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(config))
        assert run_tasks(work, [works, fails], cores=2, cluster=cluster) == {"works"}
    assert (work / "done_here").read_text(encoding="utf-8") == "x"
    assert "no such city" in log_of(work, "fails")
    assert len(served.asked) == 2
    for container in served.asked.values():
        assert container["image"] == described.image
        assert [mount["mountPath"] for mount in container["volumeMounts"]][1:] == [str(work)]
        assert container["resources"]["requests"]["memory"]
    assert set(served.asked) & set(served.deleted), "what ended is cleared away"
