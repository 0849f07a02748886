# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
"""What the pictures show: services of a small shop, tasks that connect to them all the time, and some trouble. Imported once
the directories of the testbed are there."""
import contextlib
import threading

from testbed import PORT


def open_shop(bed):
    """One endpoint of payments is nobody's, one of search is unhealthy."""
    for name, weights in {"checkout-v1": (1, 1, 1), "checkout-v2": (1,), "cart": (3, 1), "catalog": (1,) * 4,
                          "payments": (1, 1), "search": (1, 1)}.items():
        bed.service(name, weights)
    bed.route("checkout", {"checkout-v1": 90, "checkout-v2": 10}, port=PORT)
    bed.register("payments", bed.address(), id="2")  # nobody listens there: ejected after some refusals
    bed.update("search", "1", health="UNHEALTHY")


CALLS = (("web", "checkout", 0.02), ("web", "catalog", 0.03), ("web", "search", 0.1), ("checkout", "payments", 0.03),
         ("checkout", "cart", 0.06))


@contextlib.contextmanager
def calling(bed, calls=CALLS):
    """Tasks that connect all the time: for each (client, alias name, seconds between connects) a thread with an agent."""
    is_over, threads = threading.Event(), []

    def go(agent, address, pause):
        while not is_over.wait(pause):
            agent.ask(address, PORT)
        agent.end()
    for client, name, pause in calls:
        task = bed.task(service=client, name=f"{client}-{name}")
        threads.append(threading.Thread(target=go, args=(task.agent(), bed.address_of(name, PORT), pause)))
        threads[-1].start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
