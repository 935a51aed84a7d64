"""The documents of least privilege, as pure functions: whom the role trusts, what it may do, when scratch expires."""

from __future__ import annotations

from typing import Any

from .prefixes import S3Prefix
from .target import Target

Document = dict[str, Any]

POLICY_NAME = "lambdarray"
EXPIRY_DAYS = 7


def trust_policy() -> Document:
    """Who may take the role: Lambda, nobody else."""
    principal = {"Service": "lambda.amazonaws.com"}
    return _document([{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}])


def role_policy(target: Target, region: str, account: str, partition: str = "aws") -> Document:
    """What the function may do: read and write objects of the granted prefixes, list those, write its own log.

    It may not delete, nor start a multipart upload's clean-up: it needs neither.
    """
    return _document(
        [
            _allow("Read", ["s3:GetObject"], [_objects(p, partition) for p in target.readable]),
            _allow("Write", ["s3:PutObject"], [_objects(p, partition) for p in target.writable]),
            *_list_statements(target, partition),
            _allow("Log", ["logs:CreateLogStream", "logs:PutLogEvents"], [
                f"arn:{partition}:logs:{region}:{account}:log-group:{log_group(target.function)}:*"
            ]),
        ]
    )  # fmt: skip


def log_group(function: str) -> str:
    """The log group that Lambda writes for a function."""
    return f"/aws/lambda/{function}"


def _list_statements(target: Target, partition: str) -> list[Document]:
    # Without ListBucket S3 answers 403 for a key that does not exist, and "missing" could not be told from "denied".
    out = []
    for number, bucket in enumerate(sorted({p.bucket for p in target.readable})):
        prefixes = [p.prefix for p in target.readable if p.bucket == bucket]
        statement = _allow(f"List{number}", ["s3:ListBucket"], [f"arn:{partition}:s3:::{bucket}"])
        if all(prefixes):
            patterns = [pattern for prefix in prefixes for pattern in (prefix, f"{prefix}/*")]
            statement["Condition"] = {"StringLike": {"s3:prefix": patterns}}
        out.append(statement)
    return out


def _objects(place: S3Prefix, partition: str) -> str:
    return f"arn:{partition}:s3:::{place.bucket}/{place.key('*')}"


def _allow(sid: str, actions: list[str], resources: list[str]) -> Document:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}


def _document(statements: list[Document]) -> Document:
    return {"Version": "2012-10-17", "Statement": statements}
