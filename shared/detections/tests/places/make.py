"""Makes the small files of places that the tests read: city.mmdb, country.mmdb and asn.mmdb beside this script.

usage: pip install mmdb_writer==0.2.7; python3 make.py

The addresses are those for documentation, the autonomous systems those of RFC 5398. Berlin and Hamburg are near each other, São
Paulo is far from both.
"""

from pathlib import Path

from mmdb_writer import MMDBWriter, MmdbU16, MmdbU32
from netaddr import IPSet

# Networks, country, country's name, city, latitude, longitude, accuracy in km, autonomous system, its name.
PLACES = [
    (["198.51.100.0/24", "2001:db8:1::/48"], "DE", "Germany", "Berlin", 52.5244, 13.4105, 20, 64496, "Example Berlin"),
    (["203.0.113.0/24", "2001:db8:2::/48"], "BR", "Brazil", "São Paulo", -23.5475, -46.6361, 50, 64497, "Example São Paulo"),
    (["192.0.2.0/24"], "DE", "Germany", "Hamburg", 53.5507, 9.993, 20, 64498, "Example Hamburg"),
]

# The second of 2026-11-29, so that the files are the same whenever they are made.
BUILT = 1795910400


def country(code, name):
    return {"iso_code": code, "names": {"en": name}}


def city(code, name, of, lat, long, accuracy):
    return {
        "city": {"names": {"en": of}},
        "country": country(code, name),
        "location": {"accuracy_radius": MmdbU16(accuracy), "latitude": lat, "longitude": long},
    }


def write(file, database_type, record):
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type=database_type, description="Test", float_type="f64")
    for networks, *place in PLACES:
        writer.insert_network(IPSet(networks), record(*place))
    path = Path(__file__).with_name(file)
    writer.to_db_file(str(path))
    # The time of making stands in the file as `build_epoch`, an integer of 8 bytes.
    data = path.read_bytes()
    at = data.index(b"build_epoch") + len(b"build_epoch")
    size = data[at] & 0x1F
    path.write_bytes(data[: at + 2] + BUILT.to_bytes(size, "big") + data[at + 2 + size :])


write("city.mmdb", "Test-City", lambda code, name, of, lat, long, accuracy, *_: city(code, name, of, lat, long, accuracy))
write("country.mmdb", "Test-Country", lambda code, name, *_: {"country": country(code, name)})
write(
    "asn.mmdb",
    "Test-ASN",
    lambda *place: {"autonomous_system_number": MmdbU32(place[-2]), "autonomous_system_organization": place[-1]},
)
