# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""backup and restore: with the daemon running, degraded, stopped; what runs goes to the backup and never through less."""
import glob
import json
import os
import shutil
import sqlite3
import subprocess

from testbed import CLI, Testbed, wait_until


def database(bed):
    return os.path.join(bed.state_dir, "registry.db")


def mode(path):
    return os.stat(path).st_mode & 0o7777


def leftovers(bed):
    return [name for name in os.listdir(bed.state_dir)
            if name.startswith(("restore-", "backup-")) or ".new-" in name]


def without_revision(state):
    """What a backup brings back. An endpoint's number is the host's own: it is given again only after a grace period, so
    an instance that comes back may have another."""
    endpoints = [{key: value for key, value in item.items() if key != "endpoint"} for item in state["endpoints"]]
    return {**{key: value for key, value in state.items() if key != "revision"}, "endpoints": endpoints}


def refused(bed, file, *words):
    """The sentence; nothing has changed."""
    before = bed.wanted_state()
    result = bed.cli("restore", str(file), *words)
    assert result.rc == 1 and result.err.startswith("svcconnect: ") and result.err.count("\n") == 1, result
    assert bed.wanted_state() == before and not leftovers(bed), leftovers(bed)
    return result.err


def test_running():
    """Back to a backup under a task that connects all the while, and what is no backup of ours is refused."""
    with Testbed() as bed:
        file = os.path.join(bed.base, "saved.db")
        bed.service("kept", weights=(1, 3))
        bed.service("gone")
        bed.route("front", {"kept": 1})
        bed.change("POST", "/v1/credentials", name="before", readOnly=True)
        wanted = bed.wanted_state()
        os.umask(0)
        try:
            said = bed.cli_ok("backup", file).out
        finally:
            os.umask(0o022)
        assert f"revision {bed.status()['registry']['revision']}, 2 services, 3 instances" in said, said
        assert mode(file) == 0o600 and not os.path.exists(file + "-wal")
        piped = subprocess.run([CLI, "backup", "-"], env=bed.cli_environment(), capture_output=True, check=True)
        assert piped.stdout[:15] == b"SQLite format 3" and b"2 services" in piped.stderr, piped.stderr
        assert not leftovers(bed)

        # from here on it is another one
        targets = {bed.target("kept", 8080): "kept", bed.target("front"): None}
        running = bed.task().start_connector(targets, "--seconds", 60)
        wanted["tasks"] = bed.wanted_state()["tasks"]
        bed.change("DELETE", "/v1/services", service="gone")
        bed.service("new")
        bed.update("kept", "0", weight=77)
        bed.change("DELETE", "/v1/credentials", name="before")
        dry = bed.cli_ok("restore", file, "--dry-run").out
        assert "would add services/default/gone\n" in dry and "would change instances/default/kept/0\n" in dry \
            and "would remove instances/default/new/0\n" in dry, dry
        assert "2 would be added, 1 changed, 2 removed; nothing was changed" in dry, dry
        assert bed.cli_ok("restore", file, "--dry-run", "--json").json()["changes"][0]["action"] in ("add", "change")
        before = bed.wanted_state()
        result = bed.cli_ok("restore", file)
        assert "restored revision" in result.out and ".before-" in result.out, result
        now = bed.wanted_state()
        assert without_revision(now) == without_revision(wanted), (now, wanted)
        assert now["revision"] == before["revision"] + 1, "one commit"
        assert [item["name"] for item in bed.get("/v1/credentials")["credentials"]] == ["default", "before"]
        kept = glob.glob(database(bed) + ".before-*Z")
        assert len(kept) == 1 and mode(kept[0]) == 0o600 and not leftovers(bed)
        assert bed.status()["state"] == "ok"
        # ... and forward again, by what was kept
        bed.cli_ok("restore", kept[0])
        assert without_revision(bed.wanted_state()) == without_revision(before)
        with open(file, "rb") as input:
            assert subprocess.run([CLI, "restore", "-"], env=bed.cli_environment(), stdin=input, check=False).returncode == 0
        bed.restart()
        assert bed.status()["state"] == "ok", bed.status()["degraded"]
        assert without_revision(bed.wanted_state()) == without_revision(wanted)
        report = running.stop()
        assert report["answered"] and not report["failed"] and not report["wrong"], report
        refusals(bed, file)


def refusals(bed, file):
    """What cannot be restored is told in one sentence."""
    path = os.path.join(bed.base, "bad.db")

    def changed(sql):
        shutil.copy(file, path)
        rows = sqlite3.connect(path)
        with rows:
            rows.executescript(sql)
        rows.close()
        return path

    assert "No such file" in refused(bed, os.path.join(bed.base, "nowhere"))
    with open(path, "wb") as out:
        out.write(b"no database " * 1000)
    assert "not an SQLite file" in refused(bed, path)
    assert "no registry of svcconnect" in refused(bed, changed("DROP TABLE revision"))
    assert "newer svcconnectd" in refused(bed, changed("PRAGMA user_version=99"))
    said = refused(bed, changed("UPDATE rows SET value = '{\"address\": 7}' WHERE key LIKE 'instances/%/gone/%'"))
    assert "instances/default/gone/0 cannot be read" in said and "address" in said, said
    assert "another registry" in refused(bed, changed("UPDATE rows SET value = '{\"id\": \"beef\"}' WHERE key = 'registry/id'"))
    with open(file, "rb") as whole, open(path, "wb") as out:
        out.write(whole.read()[:9000])
    refused(bed, path)
    status, answer = bed.api("POST", "/v1/registry/restore", {"file": "../saved.db"})
    assert status == 400 and "state directory" in answer["error"]["message"], answer
    changed("UPDATE rows SET value = '{\"id\": \"beef\"}' WHERE key = 'registry/id'")
    bed.cli_ok("restore", path, "--other")


def test_degraded():
    """The state directory is lost under a task; the backup brings everything back, and the aliases never went."""
    with Testbed() as bed:
        file = os.path.join(bed.base, "saved.db")
        bed.service("a", weights=(1, 2))
        bed.service("b")
        bed.cli_ok("backup", file)
        targets = {bed.target("a", 8080): "a", bed.target("b", 8080): "b"}
        running = bed.task().start_connector(targets, "--seconds", 60)
        wanted = bed.wanted_state()
        bed.kill()
        shutil.rmtree(bed.state_dir)
        bed.start()
        bed.service("since")
        assert bed.status()["registry"]["state"] == "empty"
        assert "another registry" not in bed.cli_ok("restore", file, "--dry-run").out
        bed.cli_ok("restore", file)
        status = bed.status()
        assert status["state"] == "ok" and status["registry"]["state"] == "ok", status["degraded"]
        assert without_revision(bed.wanted_state()) == without_revision(wanted)
        bed.restart()
        assert bed.status()["state"] == "ok" and bed.status()["writes"]["maps"] == 0, bed.status()
        # Rows that cannot be read are whole again.
        bed.stop()
        rows = sqlite3.connect(database(bed))
        with rows:
            rows.execute("UPDATE rows SET value = 'no JSON' WHERE key LIKE 'instances/default/a/%'")
        rows.close()
        bed.start()
        assert bed.status()["registry"]["state"] == "unreadable"
        bed.cli_ok("restore", file)
        assert bed.status()["state"] == "ok"
        bed.restart()
        assert bed.status()["state"] == "ok" and without_revision(bed.wanted_state()) == without_revision(wanted)
        report = running.stop()
        assert report["answered"] and not report["failed"] and not report["wrong"], report


def test_stopped():
    """Without a daemon the backup becomes the registry; the next start takes it though it is older than the pins."""
    with Testbed() as bed:
        file = os.path.join(bed.base, "saved.db")
        bed.service("a")
        wanted = bed.wanted_state()
        bed.stop()
        by = ("--state-dir", bed.state_dir)
        bed.cli_ok("backup", file, *by)
        bed.start()
        for i in range(3):
            bed.service(f"later{i}")
        later = bed.status()["registry"]["revision"]
        held = bed.cli("restore", file, *by, "--socket", os.path.join(bed.base, "nobody"))
        assert held.rc == 1 and "another svcconnectd" in held.err and "--socket" in held.err, held
        bed.kill()
        for damage in (False, True):
            if damage:
                for path in glob.glob(database(bed) + "*"):
                    if path.endswith(("-wal", "-shm", ".db")):
                        os.unlink(path)
                with open(database(bed), "wb") as out:
                    out.write(b"garbage" * 1000)
            said = bed.cli_ok("restore", file, *by).out
            assert "the next start" in said and (".damaged-" if damage else ".before-") in said, said
            assert mode(database(bed)) == 0o600 and not leftovers(bed)
            bed.start()
            status = bed.status()
            assert status["state"] == "ok", status["degraded"]
            assert damage or status["registry"]["revision"] > later, status["registry"]
            assert without_revision(bed.wanted_state()) == without_revision(wanted)
            bed.restart()
            assert bed.status()["state"] == "ok" and bed.status()["writes"]["maps"] == 0, bed.status()
            bed.stop()
        kept = glob.glob(database(bed) + ".before-*Z")
        rows = sqlite3.connect(kept[0])
        assert rows.execute("SELECT count(*) FROM rows WHERE key LIKE 'services/default/later%'").fetchone() == (3,)
        rows.close()


def test_files_of_documents_stay_in_force():
    """What lies in services.d is applied again over a backup from before it."""
    with Testbed(start=False) as bed:
        file = os.path.join(bed.base, "saved.db")
        os.mkdir(bed.services_dir)
        bed.start()
        bed.service("a")
        bed.cli_ok("backup", file)
        bed.stop()
        with open(os.path.join(bed.services_dir, "web.json"), "w", encoding="utf-8") as out:
            json.dump({"serviceName": "web", "serviceConnectConfiguration": {
                "enabled": True, "namespace": "default",
                "services": [{"portName": "http", "discoveryName": "web", "clientAliases": [{"port": 80, "dnsName": "web"}]}]}},
                out)
        bed.start()
        revision = bed.status()["registry"]["revision"]
        names = [item["name"] for item in bed.get("/v1/services")["services"]]
        assert "web" in names, names
        bed.cli_ok("restore", file)
        wait_until(lambda: bed.status()["registry"]["revision"] >= revision + 2, 10, "the file has been applied again")
        assert sorted(item["name"] for item in bed.get("/v1/services")["services"]) == ["a", "web"]
