"""A no of the API, as Stripe words it: status, type, code, parameter and the object concerned."""

from typing import Any


class ApiError(Exception):
    """An error answer.

    `begun` says whether the endpoint had begun its work: only then is the answer kept under the
    idempotency key, as Stripe does.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        begun: bool = False,
        **fields: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.begun = begun
        self.body: dict[str, Any] = {"message": message, "type": kind}
        if code is not None:
            self.body["code"] = code
            self.body["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
        if param is not None:
            self.body["param"] = param
        self.body.update(fields)


def missing_param(param: str) -> ApiError:
    """Name a parameter that has to be given."""
    return ApiError(400, f"Missing required param: {param}.", code="parameter_missing", param=param)


def unknown_param(param: str) -> ApiError:
    """Name a parameter that this endpoint does not take."""
    return ApiError(
        400, f"Received unknown parameter: {param}", code="parameter_unknown", param=param
    )


def invalid_param(param: str, message: str, *, code: str | None = None) -> ApiError:
    """Say what is wrong with a parameter's value."""
    return ApiError(400, message, code=code, param=param)


def no_such(kind: str, object_id: str, *, param: str = "id", status: int = 404) -> ApiError:
    """Say that there is no such object; where another object's parameter names it, with 400."""
    name = kind.replace(".", "_")
    return ApiError(status, f"No such {name}: '{object_id}'", code="resource_missing", param=param)


def unfit(message: str, code: str, **fields: Any) -> ApiError:
    """Say that an object's present state does not allow the call."""
    return ApiError(400, message, code=code, begun=True, **fields)
