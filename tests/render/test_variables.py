"""Ids by address as assignments."""

from typing import Any

from reconciler.render.variables import render_env, render_github

OUTPUTS: dict[str, dict[str, Any]] = {
    "Assistant/customer-support": {"resource": "release", "id": "skill_1", "version": "3", "spec": "0"},
    "VectorStore/docs": {"resource": "vector_store", "id": "vs_1\n::x", "version": None, "spec": "0"},
}


def test_a_shell_gets_names_in_upper_case_and_no_line_of_somebody_else() -> None:
    assert render_env(OUTPUTS) == (
        "RECONCILER_ASSISTANT_CUSTOMER_SUPPORT_ID=skill_1\n"
        "RECONCILER_ASSISTANT_CUSTOMER_SUPPORT_VERSION=3\n"
        "RECONCILER_VECTOR_STORE_DOCS_ID=vs_1\\u{a}::x\n"
    )


def test_a_job_gets_names_in_lower_case() -> None:
    assert render_github(OUTPUTS).splitlines()[0] == "reconciler_assistant_customer_support_id=skill_1"
