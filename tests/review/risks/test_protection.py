"""Protection that is taken off."""

from __future__ import annotations

from reconciler.model.address import Address
from reconciler.model.plan import Notice
from tests.review.risks.world import MANIFEST, live, plan_for, risks, store, tagged


def test_taking_protection_off_is_a_risk() -> None:
    plan = plan_for([store("docs")], [live(store("docs", protect=True))])
    said = "takes `protect` off vector_store-docs: later plans may delete or replace it"
    assert plan.risks == (Notice("R401", said, Address("VectorStore", "docs"), MANIFEST),)
    assert risks(plan_for([store("docs", protect=True)], [live(store("docs"))])) == []
    half_made = tagged(live(store("docs")), state="pending", protect=True)
    assert risks(plan_for([store("docs")], [half_made])) == []
