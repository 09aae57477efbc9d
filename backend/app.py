"""The web application: one side, or both."""

from collections.abc import Collection

from flask import Flask

from backend.api.frame import Api, Blueprint, refuse_wrong_side
from backend.config import Config
from backend.db import Side

IDENTIFIED: tuple[Blueprint, ...] = ()
ANONYMOUS: tuple[Blueprint, ...] = ()
_LARGEST_BODY = 256 * 1024


def create_app(config: Config, sides: Collection[Side] = (Side.IDENTIFIED, Side.ANONYMOUS)) -> Flask:
    """The application for these sides. The agency's common ground and the public files go with the anonymous one."""
    app = Flask("relief", static_folder=None)
    app.config.update(
        API_TITLE="Relief",
        API_VERSION="1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
        MAX_CONTENT_LENGTH=_LARGEST_BODY,
        RELIEF=config,
    )
    app.before_request(refuse_wrong_side)
    api = Api(app)
    for side, blueprints in ((Side.IDENTIFIED, IDENTIFIED), (Side.ANONYMOUS, ANONYMOUS)):
        if side in sides:
            for blueprint in blueprints:
                api.register_blueprint(blueprint)
    return app


def configuration(app: Flask) -> Config:
    """The settings that this application was made with."""
    config: Config = app.config["RELIEF"]
    return config
