"""Every command and tool that ``docs/operations.md`` names, and what runs it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

PAGE: Final = Path(__file__).parents[2] / "docs" / "operations.md"

_PROGRAM: Final = re.compile(
    r"(?:\$ )?((?:(?:python -m|make|openssl|ulimit|helm|kubectl|docker|curl) |kafka-[a-z-]+"
    r"|mongo(?:restore|dump)|db\.).*"
    r"|(?:discard|replay) \S.*)"
)
_BLOCK: Final = re.compile(r"^```\w*\n(.*?)^```", re.M | re.S)
_INLINE: Final = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


class RunBy(NamedTuple):
    """A test that runs the command, by file and name."""

    test: str


_HERE: Final = "tests/operations/test_page_commands.py::"
_YEARS: Final = RunBy(_HERE + "test_amounts_of_a_year_are_entered_confirmed_rejected_and_listed_by_the_commands")
_JOBS: Final = RunBy(_HERE + "test_a_job_is_started_listed_and_cancelled_by_the_commands")
_DEAD: Final = RunBy(_HERE + "test_dead_letters_are_listed_shown_replayed_and_discarded_by_the_commands")
_START: Final = RunBy(
    "tests/deploy/test_image.py::test_a_process_starts_with_the_content_of_the_image_and_without_privileges"
)
_COPY: Final = RunBy("tests/runtime/test_document_store.py::test_a_collection_is_made_clustered_by_a_copy")
_AUDIT: Final = RunBy("tests/operations/test_audit_log.py::test_each_change_of_a_signed_entry_is_named")
_ERASED: Final = RunBy("tests/integration/test_erasure.py::test_an_erased_person_opens_nowhere_and_amounts_stay")
_CONTACT_ERASED: Final = RunBy(
    "tests/integration/test_erasure.py::test_a_contact_person_is_erased_by_the_email_address"
)
_REHASHED: Final = RunBy(
    "tests/integration/test_look_up_key.py::test_a_new_key_finds_citizens_and_holders_that_the_old_one_has_entered"
)
_REWRAPPED: Final = RunBy(
    "tests/operations/test_person_keys.py::test_keys_are_wrapped_again_by_the_command_while_processes_run"
)
_KEYS: Final = RunBy(_HERE + "test_openssl_makes_keys_and_passwords_that_are_accepted")
_DRILL: Final = RunBy("tests/recovery/test_drill.py::test_the_books_of_a_restored_system_are_equal_to_the_ore")
_REASSIGNED: Final = RunBy(
    "tests/production/test_production.py::test_a_topic_with_too_few_replicas_gets_more_by_the_commands_of_the_page"
)
_REBUILT: Final = RunBy(
    "tests/integration/test_rebuild.py::test_a_rebuild_under_load_gives_the_same_states_and_loses_nothing"
)

COMMANDS: Final[Mapping[str, RunBy]] = {
    "python -m services.<name>": _START,
    "python -m services.gateway": _START,
    "python -m services.gateway.payroll": _START,
    "python -m services.gateway.projections": _START,
    "python -m services.portals": _START,
    "python -m services.runtime.kafka.topics": RunBy(_HERE + "test_the_topic_command_can_be_repeated"),
    "python -m deploy.mongodb": RunBy(
        "tests/deploy/test_mongodb_users.py::test_the_command_succeeds_when_the_rights_are_those_of_the_table"
    ),
    "python -m deploy.observability.dashboard": RunBy("tests/operations/test_alerts.py::test_the_dashboard_is_current"),
    "python -m services.exports.rebuild NAME...": _REBUILT,
    "python -m services.gateway.projections.rebuild NAME...": _REBUILT,
    "python -m services.gateway.audit check --keys keys.json": _AUDIT,
    "python -m services.gateway.audit keys > keys.json": _AUDIT,
    "python -m services.gateway.audit remove-expired --keys keys.json --by NAME": _AUDIT,
    "python -m services.gateway.keys erase CARD-ID --by NAME --reason DECISION": _ERASED,
    "python -m services.gateway.keys erase-contact CVR --by NAME --reason DECISION": _CONTACT_ERASED,
    "python -m services.gateway.keys rewrap": _REWRAPPED,
    "python -m services.gateway.keys rehash": _REHASHED,
    "python -m services.gateway.keys rehash --retire": _REHASHED,
    "python -m services.gateway.keys status": _REWRAPPED,
    "python -m services.gateway.keys reencrypt-cpr --rate 200": RunBy(
        "tests/integration/test_erasure.py::test_the_number_is_encrypted_again_for_the_agency_by_the_command"
    ),
    "python -m services.exports.jobs start republish-statements --rate 200": _JOBS,
    "python -m services.exports.jobs status": _JOBS,
    "python -m services.exports.jobs cancel <id>": _JOBS,
    "python -m services.issuance.jobs start reconcile --rate 200": _JOBS,
    "python -m services.issuance.jobs status": _JOBS,
    "python -m services.balance.jobs status": _JOBS,
    "python -m services.balance.jobs cancel <id>": _JOBS,
    "python -m services.runtime.years enter 2027 --allowance 45.000 --income-limit 11.250 --hourly-rate 301,25"
    " --by NAME --reason SOURCE": _YEARS,
    "python -m services.runtime.years close 2025 --by NAME --reason WHY": _YEARS,
    "python -m services.runtime.years list": _YEARS,
    "python -m services.runtime.years confirm 2027/1 --by NAME --reason HOW": _YEARS,
    "python -m services.runtime.years reject 2027/1 --by NAME --reason WHY": _YEARS,
    "python -m services.runtime.kafka.dead_letters list": _DEAD,
    "python -m services.runtime.kafka.dead_letters show frikort.earnings.v1/3/0@balance.ledgers": _DEAD,
    'python -m services.runtime.kafka.dead_letters replay frikort.earnings.v1/3/0@balance.ledgers --by "night watch"'
    ' --reason "case 4711, corrected by reporting"': _DEAD,
    "replay --topic frikort.earnings.v1 --all": _DEAD,
    "replay ORIGIN --body corrected.json": _DEAD,
    "discard ORIGIN...": _DEAD,
    "discard --topic frikort.earnings.v1 --all": _DEAD,
    "python -m deploy.backup": _DRILL,
    "python -m deploy.backup create /backup/monday": _DRILL,
    "python -m deploy.backup extend /backup/monday": _DRILL,
    "python -m deploy.backup verify /backup/monday": _DRILL,
    "python -m deploy.backup verify DIRECTORY": _DRILL,
    "python -m deploy.backup restore /backup/monday": _DRILL,
    "python -m deploy.backup restore DIRECTORY": _DRILL,
    "python -m deploy.backup restore /backup/monday --only frikort_balance": RunBy(
        "tests/operations/test_restore.py::test_one_database_is_restored_from_a_backup_by_the_command_of_the_page"
    ),
    "python -m deploy.backup books": _DRILL,
    "openssl rand -hex 32": _KEYS,
    "openssl rand -base64 32": _KEYS,
    "ulimit -Hn": RunBy(_HERE + "test_the_limit_of_open_files_can_be_read"),
    "make verify ONLY=operations": RunBy(_HERE + "test_the_named_parts_of_make_verify_exist"),
    "make verify ONLY=recovery": RunBy(_HERE + "test_the_named_parts_of_make_verify_exist"),
    "make verify ONLY=production": RunBy(_HERE + "test_the_named_parts_of_make_verify_exist"),
    "make verify ONLY=rollback": RunBy(_HERE + "test_the_named_parts_of_make_verify_exist"),
    "kafka-configs --bootstrap-server ... --command-config provisioner.properties --alter"
    " --entity-type users --entity-name balance --add-config-file balance.properties": RunBy(
        "tests/production/test_production.py::test_the_documented_command_changes_a_password"
    ),
    'db.createCollection("copy", {clusteredIndex: {key: {_id: 1}, unique: true}, '
    'storageEngine: {wiredTiger: {configString: "leaf_page_max=4KB"}}})': _COPY,
    'db.ledgers.aggregate([{$merge: "copy"}])': _COPY,
    'db.copy.renameCollection("ledgers", true)   // true: drops the old collection': _COPY,
    'db.getCollectionInfos({name: "ledgers"})[0].options': _COPY,
    "db.copy.countDocuments({})": _COPY,
    "db.ledgers.countDocuments({})": _COPY,
    "kafka-consumer-groups --bootstrap-server ... --command-config provisioner.properties"
    " --group frikort.<service>.<processors> --topic <topic>"
    " --reset-offsets --to-earliest --execute": RunBy(
        "tests/operations/test_health.py::test_records_that_were_deleted_unread_stop_the_service"
    ),
    "kafka-consumer-groups --bootstrap-server ... --command-config provisioner.properties"
    " --group frikort.<service>.<processors>"
    " --reset-offsets --to-earliest --all-topics --execute": RunBy(
        "tests/operations/test_restore.py::test_a_restored_database_is_refused_until_its_group_is_reset"
    ),
    "kafka-acls --bootstrap-server ... --command-config provisioner.properties"
    " --remove --force --allow-principal User:x --operation read --topic y": RunBy(
        "tests/operations/test_rights.py::test_a_right_that_was_granted_by_hand_is_removed_by_the_command_of_the_page"
    ),
    "kafka-console-consumer --bootstrap-server ... --command-config provisioner.properties"
    " --topic <topic> --partition <number> --offset earliest --timeout-ms 10000": RunBy(
        "tests/operations/test_rights.py::test_a_partition_is_read_by_the_command_of_the_page"
    ),
    "kafka-console-consumer --bootstrap-server ... --command-config provisioner.properties"
    " --topic <topic> --partition <number> --offset <offset> --max-messages 1"
    " --formatter-property print.headers=true": RunBy(
        "tests/operations/test_rights.py::test_the_record_of_a_message_is_read_by_the_command_of_the_page"
    ),
    "kafka-reassign-partitions --bootstrap-server ... --command-config provisioner.properties"
    " --reassignment-json-file replicas.json --execute": _REASSIGNED,
    "kafka-reassign-partitions --bootstrap-server ... --command-config provisioner.properties"
    " --reassignment-json-file replicas.json --verify": _REASSIGNED,
}


def commands_of(page: str) -> Iterator[str]:
    """The commands and tools that a page names, as it writes them; lines that are continued are joined."""
    for block in _BLOCK.findall(page):
        for line in re.sub(r"\s*\\\n\s*", " ", block).splitlines():
            if found := _PROGRAM.fullmatch(line.strip()):
                yield found[1]
    for inline in _INLINE.findall(_BLOCK.sub("", page)):
        if found := _PROGRAM.fullmatch(inline):
            yield found[1]


def written(beginning: str) -> str:
    """The one command of the table that begins so."""
    (found,) = (command for command in COMMANDS if command.startswith(beginning))
    return found


def written_with(program: str, word: str) -> str:
    """The one command of the table of this program that has the word."""
    (found,) = (command for command in COMMANDS if command.split()[0] == program and word in command.split())
    return found
