# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""`svcconnect run` where a host is not as it comes: other mounts, a root directory of its own, name services outside the
task, a strict umask. What it does everywhere is in test_cli."""
import os
import shutil
import stat
import subprocess
import sys
import threading

from testbed import CLI, PATIENCE, Skip, Testbed, need_plain_programs, need_program, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
PRIVATE = ["unshare", "-m", "--propagation", "private", "sh", "-ec"]
NSS = r"""
#include <errno.h>
#include <netdb.h>
#include <nss.h>
#include <stdint.h>
#include <unistd.h>
struct gaih_addrtuple;
static enum nss_status none(int *number, int *h)
{
    *number = ENOENT, *h = HOST_NOT_FOUND;
    return NSS_STATUS_NOTFOUND;
}
enum nss_status _nss_NAME_gethostbyname4_r(const char *n, struct gaih_addrtuple **p, char *b, size_t s, int *e, int *h, int32_t *t)
{
    return (void)n, (void)p, (void)b, (void)s, (void)t, none(e, h);
}
enum nss_status _nss_NAME_gethostbyname3_r(const char *n, int a, struct hostent *r, char *b, size_t s, int *e, int *h, int32_t *t,
                                           char **c)
{
    return (void)n, (void)a, (void)r, (void)b, (void)s, (void)t, (void)c, none(e, h);
}
enum nss_status _nss_NAME_gethostbyname2_r(const char *n, int a, struct hostent *r, char *b, size_t s, int *e, int *h)
{
    return (void)n, (void)a, (void)r, (void)b, (void)s, none(e, h);
}
"""


def resolves(bed, result, name="backend"):
    alias = bed.alias(name)
    return result.rc == 0 and result.out.split()[:1] in ([alias["address"]], [alias["address6"]])


def run_inside(bed, script, *words):
    """A shell script in mounts of its own; "$@" is the words, "$RUN" runs what follows it as a task."""
    return bed.run([*PRIVATE, script, "sh", *words], env={**bed.cli_environment(), "RUN": f"{CLI} run --"})


def test_the_umask_takes_nothing_from_those_who_read():
    for mask in (0o077, 0o027):
        with Testbed(start=False) as bed:
            launch = bed.launch
            bed.launch = lambda: launch(umask=mask)
            bed.start()
            bed.register("backend", "127.0.0.1:80")
            script = 'svc=$(sed -n "s/^0:://p" /proc/self/cgroup); cat "$ROOT$svc/cgroup.procs" >/dev/null && getent hosts localhost backend'
            result = bed.run([CLI, "run", "--", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", script],
                             env={**bed.cli_environment(), "ROOT": bed.cgroup_root}, umask=mask)
            assert result.rc == 0 and "localhost" in result.out and "backend" in result.out, (oct(mask), result)
            assert stat.S_IMODE(os.stat(f"{bed.run_dir}/hosts").st_mode) == 0o755
            assert stat.S_IMODE(os.stat(bed.run_dir).st_mode) == 0o755
            assert stat.S_IMODE(os.stat(bed.socket_path).st_mode) == 0o660
            assert stat.S_IMODE(os.stat(bed.state_dir).st_mode) == 0o700
            for where, _, names in os.walk(bed.state_dir):
                assert all(os.stat(f"{where}/{name}").st_mode & 0o077 == 0 for name in names), (where, names)


def test_what_an_earlier_version_left_closed_is_opened():
    with Testbed() as bed:
        process = bed.popen([CLI, "run", "--", "sh", "-c", "echo started; exec sleep 60"], env=bed.cli_environment(),
                            stdout=subprocess.PIPE)
        assert process.stdout.readline() == "started\n"
        hosts = f"{bed.run_dir}/hosts"
        file = f"{hosts}/{os.listdir(hosts)[0]}"
        os.chmod(hosts, 0o750)
        os.chmod(file, 0o640)
        bed.restart()
        assert stat.S_IMODE(os.stat(hosts).st_mode) == 0o755
        assert stat.S_IMODE(os.stat(file).st_mode) == 0o644
        process.terminate()
        process.wait(10)


def test_the_cgroup_of_all_runs_goes_with_the_last():
    with Testbed() as bed:
        parent = f"{bed.cgroup_root}/svcconnect"
        try:
            os.rmdir(parent)  # one without our mark may be left over
        except OSError:
            if os.path.isdir(parent):
                raise Skip("somebody else's runs are on") from None
        first = bed.popen([CLI, "run", "--", "sh", "-c", "echo started; read line"], env=bed.cli_environment(),
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert first.stdout.readline() == "started\n"
        assert bed.cli("run", "--", "true").rc == 0
        assert os.path.isdir(parent), "the first still runs"
        first.communicate("\n", timeout=10 * PATIENCE)
        assert not os.path.isdir(parent)
        failures = []
        def many():
            failures.extend(result for result in (bed.cli("run", "--", "true") for _ in range(12)) if result.rc != 0)
        threads = [threading.Thread(target=many) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures, failures
        assert not os.path.isdir(parent)
        os.mkdir(parent)  # somebody else's
        assert bed.cli("run", "--", "true").rc == 0
        os.rmdir(parent)


def test_the_cgroup_of_all_runs_goes_with_one_that_was_killed():
    with Testbed() as bed:
        parent = f"{bed.cgroup_root}/svcconnect"
        process = bed.popen([CLI, "run", "--", "sh", "-c", "echo started; read line"], env=bed.cli_environment(),
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdout.readline() == "started\n"
        if os.listdir(parent) and len([name for name in os.listdir(parent) if name.startswith("run-")]) > 1:
            raise Skip("somebody else's runs are on")
        process.kill()
        process.wait()
        process.stdin.close()  # its command ends
        wait_until(lambda: not bed.tasks() and not os.path.isdir(parent), 20, "the daemon removes both")


test_the_cgroup_of_all_runs_goes_with_one_that_was_killed.timeout = 45


def test_in_another_network_namespace():
    ip = need_program("ip")
    name = f"svctest-{os.getpid()}"
    with Testbed() as bed:
        bed.register("backend", "127.0.0.1:80")
        was_mounted = os.path.ismount("/run/netns")
        subprocess.run([ip, "netns", "add", name], check=True)
        try:
            result = bed.run([ip, "netns", "exec", name, CLI, "run", "--", "getent", "hosts", "backend"], env=bed.cli_environment())
            assert resolves(bed, result), result
            result = bed.run([ip, "netns", "exec", name, CLI, "run", "--", "sh", "-c", "exit 7"], env=bed.cli_environment())
            assert result.rc == 7, result
        finally:
            subprocess.run([ip, "netns", "del", name], check=True)
            if not was_mounted:
                subprocess.run(["umount", "/run/netns"], check=True)
        result = bed.run(["unshare", "-n", "-m", CLI, "run", "--", "getent", "hosts", "backend"], env=bed.cli_environment())
        assert resolves(bed, result), result
        wait_until(lambda: not bed.tasks(), 3, "the tasks are gone")


def test_without_a_view_of_cgroups():
    with Testbed() as bed:
        bed.register("backend", "127.0.0.1:80")
        result = run_inside(bed, 'mount -t tmpfs none /sys; $RUN getent hosts backend')
        assert resolves(bed, result), result
        script = 'mount -t tmpfs none /sys; exec $RUN sh -c "sleep 600 & setsid sleep 600 & exit 3"'
        assert run_inside(bed, script).rc == 3
        wait_until(lambda: not bed.tasks(), 3, "what the command has left is ended, and its cgroup removed")


ROOT = '''r=$1; shift; mkdir -p $r
for d in bin lib lib64 usr sys dev tmp; do [ -e /$d ] && mkdir -p $r/$d && mount --rbind /$d $r/$d; done
mkdir -p $r/etc $r/proc; cp /etc/nsswitch.conf /etc/passwd $r/etc/
for d in $(dirname $BUILD/x) $(dirname $SVCCONNECT_SOCKET); do mkdir -p $r$d; mount --bind $d $r$d; done
'''


def test_in_a_root_directory_of_its_own():
    need_plain_programs("leaks are looked for in /proc")
    """That is no mount point; with and without /proc, with the mounts shared, and as one that is a mount point."""
    with Testbed() as bed:
        bed.register("backend", "127.0.0.1:80")
        env = {**bed.cli_environment(), "RUN": f"{CLI} run --", "BUILD": os.path.dirname(CLI)}
        for number, (before, after) in enumerate((("", ""), ("", "mount -t proc proc $r/proc;"), ("mount --make-rshared /;", ""),
                                                  ("mkdir -p $1; mount --bind $1 $1;", ""))):
            script = f"{before}{ROOT}{after} echo 127.0.0.1 mine >$r/etc/hosts; cd $r/tmp; exec chroot $r $RUN sh -c 'pwd; getent hosts backend; grep localhost /etc/hosts'"
            result = bed.run([*PRIVATE, script, "sh", f"{bed.base}/root{number}"], env=env)
            assert result.rc == 0 and result.out.split()[1] in bed.alias("backend").values(), (number, result)
            with open(f"{bed.base}/root{number}/etc/hosts", encoding="utf-8") as file:
                assert file.read() == "127.0.0.1 mine\n", "nothing is mounted there for others"
        result = bed.run([*PRIVATE, f"{ROOT} exec chroot $r $RUN sh -c 'exit 5'", "sh", f"{bed.base}/without"], env=env)
        assert result.rc == 5 and "there is no /etc/hosts" in result.err, result


def test_the_daemons_files_need_not_be_in_the_root_directory():
    need_plain_programs("leaks are looked for in /proc")
    with Testbed() as bed:
        bed.register("backend", "127.0.0.1:80")
        script = ROOT.replace("mount --bind $d $r$d", "mount --rbind $d $r$d") + '''umount $r$(dirname $SVCCONNECT_SOCKET)
touch $r$SVCCONNECT_SOCKET; mount --bind $SVCCONNECT_SOCKET $r$SVCCONNECT_SOCKET; touch $r/etc/hosts; umount -l $r/tmp
exec chroot $r $RUN getent hosts backend'''
        env = {**bed.cli_environment(), "RUN": f"{CLI} run --", "BUILD": os.path.dirname(CLI)}
        if bed.base.startswith("/tmp/"):
            script = script.replace("umount -l $r/tmp\n", "\n").replace("touch $r$SVC", "umount -l $r/tmp; mkdir -p $r$(dirname $SVCCONNECT_SOCKET); touch $r$SVC")
        result = bed.run([*PRIVATE, script, "sh", f"{bed.base}/root"], env=env)
        assert resolves(bed, result), result


def test_a_daemon_that_answers_for_names_is_not_asked():
    """nscd: glibc asks for it before it looks at /etc/hosts or the name servers."""
    with Testbed() as bed:
        bed.register("backend", "127.0.0.1:80")
        fake = f"{sys.executable} {HERE}/fake_nscd.py /var/run/nscd/socket"
        start = f"mount -t tmpfs none /run; {fake} >/run/ready & fake=$!; until grep -q READY /run/ready; do sleep 0.05; done; "
        socket = bed.socket_path
        assert not socket.startswith("/run/")
        plain = run_inside(bed, start + "rc=0; getent ahosts localhost || rc=$?; kill $fake; exit $rc")
        assert plain.rc != 0, f"the daemon is asked where there is no task: {plain}"
        result = run_inside(bed, start + "rc=0; $RUN getent ahosts backend || rc=$?; kill $fake; exit $rc")
        assert resolves(bed, result), result
        late = ("mount -t tmpfs none /run; mkdir /run/nscd; "
                f"$RUN sh -c 'until [ -e /run/go ]; do sleep 0.05; done; getent ahosts backend' >/run/out & run=$!; "
                "sleep 0.5; " + start.split("; ", 1)[1] + "touch /run/go; rc=0; wait $run || rc=$?; kill $fake; cat /run/out; exit $rc")
        result = run_inside(bed, late)
        assert resolves(bed, result), f"one that has started later: {result}"
        assert shutil.which("nscd") is None or run_inside(bed, "$RUN getent ahosts localhost").rc == 0


def test_name_services_outside_the_task_do_not_have_the_last_word():
    gcc = need_program("gcc")
    with Testbed() as bed:
        bed.register("backend", "127.0.0.1:80")
        env = {**bed.cli_environment(), "LD_LIBRARY_PATH": bed.base, "RUN": f"{CLI} run --"}
        for name in ("resolve", "mymachines", "sss"):
            subprocess.run([gcc, "-shared", "-fPIC", "-w", "-x", "c", "-", "-o", f"{bed.base}/libnss_{name}.so.2"], check=True,
                           input=NSS.replace("NAME", name), text=True)
        for line in ("resolve [!UNAVAIL=return] files dns", "mymachines resolve [!UNAVAIL=return] files myhostname dns",
                     "sss [NOTFOUND=return] files", "mymachines [NOTFOUND=return] resolve [!UNAVAIL=return]"):
            conf = f"{bed.base}/nsswitch.conf"
            with open(conf, "w", encoding="utf-8") as file:
                file.write(f"passwd: files\nhosts:  {line}  # as it comes\nnetworks: files\n")
            script = 'mount --bind "$1" /etc/nsswitch.conf; exec getent hosts localhost'
            plain = bed.run([*PRIVATE, script, "sh", conf], env=env)
            assert plain.rc != 0, f"the service is asked where there is no task: {line}: {plain}"
            script = 'mount --bind "$1" /etc/nsswitch.conf; exec $RUN sh -c "getent hosts backend; cat /etc/nsswitch.conf"'
            result = bed.run([*PRIVATE, script, "sh", conf], env=env)
            assert resolves(bed, result), (line, result)
            assert "passwd: files\n" in result.out and "networks: files\n" in result.out, result
