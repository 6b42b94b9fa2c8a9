"""What sslyze finds at a listener under TLS, as one object of JSON: its `looks` by name, and whether all is
`recommended` by the profile that it is told to compare with. Its own arguments are handed on."""

import json
import pathlib
import subprocess
import sys
import tempfile

with tempfile.TemporaryDirectory() as folder:
    out = pathlib.Path(folder, "out.json")
    program = [sys.executable, "-W", "ignore", "-m", "sslyze", "--quiet", f"--json_out={out}"]
    ran = subprocess.run(program + sys.argv[1:], stdout=subprocess.PIPE, text=True)
    if not out.exists():
        sys.exit(ran.stdout)
    [server] = json.loads(out.read_text())["server_scan_results"]

looks = server["scan_result"]
if looks is None:
    sys.exit(f"it did not scan: {server}")
# The numbers of an RSA key are longer than other readers of JSON take.
del looks["certificate_info"]
# It also ends well if it could not compare.
recommended = ran.returncode == 0 and "OK - Compliant" in ran.stdout
print(json.dumps({"recommended": recommended, "looks": looks}))
