"""Forged reports, for the tests of the checker."""
import copy


def acquitted(report, rule):
    """What a forger does: every unexplained byte becomes one that a rule has set aside, with all sums right."""
    forged = copy.deepcopy(report)
    forged["verdict"] = "equivalent"
    forged["anomalies"] = []
    for side in ("vendor", "rebuilt"):
        forged[side]["rules_disabled"] = False
        tally = forged["tally"][side]
        for extent in forged["extents"][side]:
            if extent["standing"] == "unexplained":
                extent.update(standing="set-aside", rule=rule)
        moved = tally["unexplained"]
        if moved:
            tally["by_rule"][rule] = tally["by_rule"].get(rule, 0) + moved
        tally.update(unexplained=0, set_aside=tally["set_aside"] + moved)
    for part in ("findings", "sections"):
        for entry in forged[part]:
            if entry["standing"] == "unexplained":
                entry["standing"] = "set-aside"
                if part == "findings":
                    entry["rule"] = rule
    return forged
