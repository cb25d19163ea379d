"""Say on what a run is carried out: this machine, or a cluster through a plugin of the engine."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipeline.errors import Problem, StudyError
from pipeline.settings.base import Section, setting


class Cluster(Section):
    """How jobs reach a cluster; the folders of the workspace must be the same on every machine."""

    executor: str = setting(
        zh="执行插件，如 slurm、kubernetes", en="the executor's plugin: slurm, kubernetes ..."
    )
    image: str | None = setting(
        None,
        zh="容器镜像，须含 parkgap（Kubernetes）",
        en="image of the containers, which has to hold parkgap (Kubernetes)",
    )
    jobs: int = setting(100, zh="同时提交的任务数", en="jobs submitted at once", ge=1)
    retries: int = setting(
        1, zh="失败后重试次数", en="times a job is run again after it failed", ge=0
    )
    latency_wait_s: int = setting(
        60,
        zh="等待共享文件出现的时间",
        en="wait for files to appear on the other side",
        unit="s",
        ge=0,
    )
    options: dict[str, bool | int | float | str | list[str]] = setting(
        {}, zh="插件自己的选项", en="options of the plugin itself, by its own names"
    )
    default_resources: dict[str, int | str] = setting(
        {}, zh="每个任务的默认资源", en="resources of every job, such as slurm_partition: normal"
    )


def read_cluster(path: Path) -> Cluster:
    """Read the description of a cluster.

    Raises
    ------
    StudyError
        The file is missing, is no YAML, or breaks the form; every problem is listed.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        raw: Any = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        return Cluster.model_validate(raw)
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise StudyError(
            Problem(
                zh="集群说明文件无法读取",
                en=f"the description of the cluster cannot be read: {error}",
                path=path,
                remedy_zh="参照 docs/cluster/slurm.yml",
                remedy_en="start from docs/cluster/slurm.yml",
            )
        ) from error
    except ValidationError as error:
        raise StudyError(
            *(
                Problem(
                    zh="集群说明不符合格式",
                    en=item["msg"],
                    path=path,
                    row=".".join(map(str, item["loc"])),
                )
                for item in error.errors()
            )
        ) from error


def _as_given(option: object) -> object:
    return option


def executor_settings(cluster: Cluster) -> Any:  # noqa: ANN401
    """Make the settings of the cluster's plugin, and tell it that the workspace is shared.

    Raises
    ------
    StudyError
        The plugin is not installed or does not know an option.
    """
    from snakemake_interface_common.exceptions import InvalidPluginException, WorkflowError
    from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry

    try:
        plugin = ExecutorPluginRegistry().get_plugin(cluster.executor)
    except InvalidPluginException as error:
        raise StudyError(
            Problem(
                zh=f"没有安装执行插件“{cluster.executor}”",
                en=f"the executor plugin {cluster.executor!r} is not installed",
                rule="executor",
                remedy_zh=f"pip install snakemake-executor-plugin-{cluster.executor}",
                remedy_en=f"pip install snakemake-executor-plugin-{cluster.executor}",
            )
        ) from error
    # Pods share no folders of their own, so that the plugin for Kubernetes wants an object store.
    # The workspace is a volume that all of them mount: nothing has to be carried there and back.
    plugin.common_settings.implies_no_shared_fs = False
    plugin.common_settings.job_deploy_sources = False
    if plugin.settings_cls is None:
        return None
    fields = dataclasses.fields(plugin.settings_cls)
    read = {field.name: field.metadata.get("parse_func") or _as_given for field in fields}
    try:
        options = {
            name: read.get(name, _as_given)(given) for name, given in cluster.options.items()
        }
        return plugin.settings_cls(**options)
    except (TypeError, ValueError, WorkflowError) as error:
        raise StudyError(
            Problem(
                zh="执行插件不认识某个选项",
                en=f"the plugin does not know an option: {error}",
                rule="options",
            )
        ) from error
