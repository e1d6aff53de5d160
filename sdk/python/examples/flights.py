"""Brings records to a mesh, reads them back, and reports on them: `python flights.py` beside a running `chartly up`."""

from chartly.sdk import Chartly

PROFILE = {
    "profile_id": "sdk-flights",
    "description": "Flights that this example brings.",
    "source": {"file": {"path": "flights.csv"}},
    "observed_at": {"source": "time"},
    "dims": {"origin": {"type": "string", "required": True}},
    "measures": {"delay": {"type": "number", "unit": "min"}},
}
FLIGHTS = b"""time,origin,delay
2013-01-01T05:00:00Z,EWR,2
2013-01-01T06:00:00Z,LGA,4
2013-01-01T07:00:00Z,JFK,late
"""
REPORT = {
    "name": "sdk-delays",
    "inputs": [{"profile_id": "sdk-flights", "measure": "delay"}],
    "join": ["origin", "observed_at"],
    "output": {"type": "table", "statistic": "mean"},
}


def main() -> None:
    """Do it, and say what came of it."""
    with Chartly() as client:
        client.profiles.create(PROFILE)
        receipt = client.runs.upload("sdk-flights", FLIGHTS, media_type="text/csv").receipt
        print(f"{receipt.extracted} extracted = {receipt.delivered} delivered + {receipt.quarantined} quarantined")
        for row in client.datasets.records("sdk-flights"):
            print(row["dims"]["origin"], row["measures"]["delay"])
        for kept in client.quarantine.list(profile_id="sdk-flights"):
            print("quarantine:", kept.errors[0].message)
        report = client.reports.create(REPORT)
        print("mean delay:", report.table.rows[0].values[0].number_value, "min")


if __name__ == "__main__":
    main()
