"""Creates and checks topics and rights: ``python -m services.runtime.kafka.topics [--check]``. Idempotent."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from typing import Final

import structlog
from aiokafka.errors import KafkaError
from frikort_contracts.topics import TOPICS

from services.runtime import exit_codes
from services.runtime import logging as runtime_logging
from services.runtime.errors import describe
from services.runtime.kafka.topics import COMMAND, MissingTopics, names_of
from services.runtime.kafka.topics.acls import AclsNotAnswered, AclsUnavailable, MissingRights
from services.runtime.kafka.topics.provisioning import Provisioned, TopicNotCreated, check_all, provision
from services.runtime.safety_checks import UnsafeSetting, check_settings
from services.runtime.settings import TopicSettings
from services.runtime.starting import report_settings

logger = structlog.get_logger(__name__)

_TRY_AGAIN_SECONDS: Final = 1.0


async def _run_when_reachable(settings: TopicSettings, *, only_check: bool) -> Provisioned:
    async with asyncio.timeout(settings.start_timeout):
        while True:
            try:
                if only_check:
                    await check_all(settings)
                    return Provisioned(topics=0, rights=0)
                return await provision(settings)
            except (KafkaError, AclsNotAnswered, OSError) as error:
                logger.warning("topics.waiting_for_kafka", reason=describe(error))
                await asyncio.sleep(_TRY_AGAIN_SECONDS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 if every topic exists with safe settings, and the rights are those of the topic table."""
    parser = argparse.ArgumentParser(prog=COMMAND, description="Create topics, grant rights, and check both.")
    parser.add_argument("--check", action="store_true", help="check only; create and grant nothing")
    only_check = parser.parse_args(arguments).check
    settings = TopicSettings()
    runtime_logging.configure(settings, "topics")
    try:
        check_settings(settings)
        created = asyncio.run(_run_when_reachable(settings, only_check=only_check))
    except TimeoutError:
        logger.critical("topics.kafka_unreachable", kafka=settings.kafka)
        return exit_codes.CANNOT_START
    except UnsafeSetting as unsafe:
        logger.critical("topics.refused", problem=str(unsafe))
        return exit_codes.UNSAFE_SETTING
    except (MissingTopics, MissingRights, TopicNotCreated, AclsUnavailable) as wrong:
        logger.critical("topics.wrong", problem=str(wrong))
        return exit_codes.NOT_DONE
    logger.info("topics.ready", created=created.topics, granted=created.rights, topics=len(names_of(TOPICS)))
    return exit_codes.DONE


if __name__ == "__main__":
    report_settings("topics")
    sys.exit(main())
