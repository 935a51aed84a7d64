"""The limits of AWS Lambda, as its documentation states them, and how many cores a function sees.

Source: "Lambda quotas" and "Configure Lambda function memory" in the AWS Lambda developer guide.
"""

from __future__ import annotations

MIB = 1 << 20

SYNC_REQUEST_BYTES = 6 * MIB
SYNC_RESPONSE_BYTES = 6 * MIB + 100
ASYNC_REQUEST_BYTES = 1 * MIB
# A zip of 50 MB in base64 with its JSON around it.
API_REQUEST_BYTES = 70_167_211
UNZIPPED_BYTES = 250 * MIB
LAYERS_PER_FUNCTION = 5
ENVIRONMENT_BYTES = 4096
LOG_TAIL_BYTES = 4096

MEMORY_MIB = (128, 10_240)
TIMEOUT_SECONDS = (1, 900)
STORAGE_MIB = (512, 10_240)
RETRY_ATTEMPTS = (0, 2)
EVENT_AGE_SECONDS = (60, 21_600)

OPEN_FILES = 1024
THREADS = 1024
INIT_SECONDS = 10.0
# Reserved concurrency may not take the last 100 from the functions that have none.
MIN_UNRESERVED_CONCURRENCY = 100
MIB_PER_VCPU = 1769

RESERVED_VARIABLES = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)


def visible_cores(memory_mib: int) -> int:
    """The number of cores that a function of this memory sees; its share of them is memory / 1,769 MB.

    >>> [visible_cores(m) for m in (128, 3008, 3009, 10_240)]
    [2, 2, 3, 6]
    """
    for cores, limit in ((2, 3008), (3, 5307), (4, 7076), (5, 8845)):
        if memory_mib <= limit:
            return cores
    return 6
