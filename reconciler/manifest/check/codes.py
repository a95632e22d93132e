"""Every code of a diagnostic, a warning or a risk, with what it means; the reference page is made from this table.

A code means one thing, wherever it is raised, and is never given another meaning: pipelines match on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CODES: Mapping[str, str] = MappingProxyType(
    {
        # the text of a file
        "E201": "The file is not UTF-8.",
        "E202": "A character that may not stand in YAML as it is.",
        "E203": "The text is not YAML.",
        "E204": "A tab where YAML wants spaces.",
        "E205": "A key stands twice in one mapping.",
        "E206": "A merge key (`<<`), which is not supported.",
        "E207": "A key that is not text.",
        "E208": "A tag, which is not supported.",
        "E209": "A number that JSON or the API cannot hold.",
        "E210": "An alias without its anchor, or one that would contain itself.",
        "E211": "A limit on size, depth or number of values is exceeded.",
        "E212": "A %YAML line for another version of YAML.",
        "E213": "So many problems that the rest was not checked.",
        "E214": "An included file is not JSON.",
        # a manifest
        "E300": "No stack, or more than one.",
        "E301": "An unknown or missing apiVersion.",
        "E302": "An unknown or missing kind.",
        "E303": "An unknown field, or a key that is not allowed.",
        "E304": "A field, a tool or an amount that the chosen runtime does not have.",
        "E306": "A required field is missing.",
        "E307": "A value of the wrong type or shape.",
        "E308": "One tool stands twice.",
        "E309": "More tools than the runtime takes.",
        "E310": "A value that is none of the known ones.",
        "E311": "A value beyond its bounds.",
        "E312": "A text that does not have the form it needs.",
        "E313": "The environment is missing or unknown.",
        "E314": "`ignore_changes` names an unknown field.",
        "E315": "`moved_from` names another kind.",
        "E316": "A chunking strategy whose overlap is too large.",
        "E317": "A JSON Schema that is not valid, or not in OpenAI's strict subset.",
        "E318": "The ownership tag of the live object would be too long.",
        "E319": "Fields that contradict each other, or of which exactly one is needed.",
        # references
        "E401": "No Tool manifest has this name.",
        "E402": "No VectorStore manifest has this name.",
        "E403": "A patch for a manifest that does not exist.",
        "E404": "Two manifests have one address.",
        "E405": "A variable that is not defined.",
        "E406": "`moved_from` names an address that still exists, or that is taken twice.",
        "E407": "Two manifests adopt one live object.",
        # files
        "E501": "A pattern that matches no file.",
        "E503": "A file that cannot be used: missing, ignored, not a plain file, or unreadable.",
        "E504": "A file name for the account that is impossible, or equal to another one.",
        "E505": "A path or file name that is too long.",
        "E507": "A type of file that retrieval does not read.",
        "E508": "An empty file, or one that is too large.",
        # security
        "E601": "A path or a link that may not be followed.",
        "E602": "A credential, or a field that would hold one.",
        "E603": "An invisible or reordering character.",
        "E604": "A URL that may not be used.",
        "E605": "A domain that may not be used.",
        # risks of a plan
        "R101": "An object is deleted.",
        "R102": "An object is replaced: its id changes.",
        "R103": "An existing object is taken over.",
        "R201": "An assistant gets another model.",
        "R202": "A model that an assistant runs is shut down soon, or was.",
        "R301": "An assistant reaches a host that it did not reach before.",
        "R302": "The tools of an assistant may do more than before.",
        "R401": "Protection against deletion is taken off.",
        "R402": "A text has unusual characters that it did not have before.",
        # warnings
        "W301": "An object carries our stack's name with another lineage; it was left alone.",
        "W302": "A release whose live version does not show our tag; it counts as somebody else's.",
        "W303": "An API that this stack used is gone; what it had there is out of reach.",
        "W401": "An assistant is held after a rollback.",
        "W402": "An object without a manifest was left alone.",
        "W403": "A replacement was left out because of --only.",
        "W404": "`account.anchor` beside environments, each of which has its own.",
        "W405": "An object without a manifest was left alone: an assistant that is held after a rollback uses it.",
        "W501": "An entry of `files` that takes no file: others above it took them all.",
    }
)
