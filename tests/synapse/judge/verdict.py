"""All checks over one run, and how checks are printed."""
from judge import checks, explain, logs, own_log

AT_LEAST = 1500
SHOWN = 12


def judge(world, deployment):
    """Every check of the suite that drives everything."""
    topology, thalamus = deployment.topology, deployment.thalamus
    world.journal.save(deployment.logs / "requests.jsonl")
    records = checks.join(world.journal, logs.read(deployment.logs), topology)
    return [
        *checks.every_request(records, world.journal, AT_LEAST),
        *checks.main_process(records),
        *checks.sticky(records, topology),
        *checks.several(records),
        *checks.pools(records, topology),
        *checks.long_polls(records),
        *checks.delivery(world),
        explain.agrees(records, thalamus.binary, thalamus.config),
        *own_log.checks(records, deployment.logs),
    ]


def report(all_checks):
    """Prints them, `{}` in a text for the number of faults; how many passed and how many failed."""
    for check in all_checks:
        text = check.text.replace("{}", str(len(check.faults)))
        print(f"{'FAILED' if check.faults else 'ok'}  {text}")
        for fault in check.faults[:SHOWN]:
            print(f"        {fault}")
        if len(check.faults) > SHOWN:
            print(f"        and {len(check.faults) - SHOWN} more")
    failed = sum(bool(check.faults) for check in all_checks)
    return len(all_checks) - failed, failed
