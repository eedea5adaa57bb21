"""``python -m services.exports``."""

from services.exports.app import SERVICE, parts_of
from services.exports.settings import ExportsSettings
from services.runtime.web.server import run

if __name__ == "__main__":
    settings = ExportsSettings()
    processors, jobs = parts_of(settings)
    run(service=SERVICE, settings=settings, processors=processors, jobs=jobs)
