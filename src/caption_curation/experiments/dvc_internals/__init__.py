"""What this project reads of DVC beyond its commands: the one place that knows its private API.

DVC prints its queue and its run cache for people only, and says nothing of what it would find
cached. What is needed of it is read here from its objects, by the version that was tried.
"""

from caption_curation.experiments.dvc_internals.queue import (
    queue_states,
)
from caption_curation.experiments.dvc_internals.records import (
    check_lock,
    committed_records,
    part_record,
    rwlock_holders,
)
from caption_curation.experiments.dvc_internals.repository import (
    cache_folder,
    check_version,
    directory_list,
    experiment_reference,
    hashed,
    object_file,
    open_repository,
    part_of_directory,
)
from caption_curation.experiments.dvc_internals.stages import (
    is_parameters,
    remembered_stage,
    resolve_stages,
    run_key,
    run_value,
    stages_in_order,
)
from caption_curation.experiments.dvc_internals.yaml_files import (
    dump_yaml,
    parse_yaml,
    set_in_yaml,
    value_set_by_dvc,
)

__all__ = [
    "cache_folder",
    "check_lock",
    "check_version",
    "committed_records",
    "directory_list",
    "dump_yaml",
    "experiment_reference",
    "hashed",
    "is_parameters",
    "object_file",
    "open_repository",
    "parse_yaml",
    "part_of_directory",
    "part_record",
    "queue_states",
    "remembered_stage",
    "resolve_stages",
    "run_key",
    "run_value",
    "rwlock_holders",
    "set_in_yaml",
    "stages_in_order",
    "value_set_by_dvc",
]
