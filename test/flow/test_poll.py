"""Polling channels on several loops at once: every sender gets the answer to its own request, whichever loop thread it,
the poll and the answer came by. Under --san=thread this is what the sanitizer watches."""
import threading

from test_load import ROUNDS, SOON, busy_cse, no_race, together


def client_of(house, cse, who):
    return house.client(cse, who.origin, insecure=True)


def notify(client, to, body, **headers):
    return client.send(5, to, body, headers=headers)


def serve(client, pcu, done, fetched):
    """Fetches and answers until `done`: the answer repeats what the request said."""
    while not done.is_set():
        got = client.send(2, pcu, headers={"X-M2M-RET": str(700 * SOON)})
        assert got.rsc in (2000, 4008), got.text
        if got.rsc != 2000:
            continue
        for request in got.root("m2m:agrp")["m2m:rqp"]:
            root, said = next(iter(request["pc"].items()))
            fetched.append(root)
            echo = {"m2m:dbg": said["sur"]} if root == "m2m:sgn" else {"m2m:dbg": "result"}
            notify(client, pcu, {"m2m:rsp": {"rsc": 2000, "rqi": request["rqi"], "rvi": "3", "pc": echo}}).expect(2000)


def test_channels_on_three_loops(house, tmp_path):
    cse = busy_cse(house, tmp_path)
    owners = [house.client(cse, "Cpoll%d" % i, insecure=True) for i in range(4)]
    fetched, done = [], threading.Event()
    for i, o in enumerate(owners):
        o.register("in", "poll%d" % i)
        o.create("in/poll%d" % i, 15, "m2m:pch", rn="p", rqag=True).expect(2001)

    def sender(number):
        client = client_of(house, cse, owners[number])

        def job():
            for i in range(ROUNDS // 2):
                said = "s-%d-%d" % (number, i)
                got = notify(client, "in/poll%d" % number, {"m2m:sgn": {"sur": said}}, **{"X-M2M-RET": str(20000 * SOON)})
                assert got.expect(2000).json == {"m2m:dbg": said}
                client.send(2, "in/poll%d" % number, query={"rt": 2}).expect(1002)
        return job

    pollers = [threading.Thread(target=serve, args=(client_of(house, cse, o), "in/poll%d/p/pcu" % i, done, fetched))
               for i, o in enumerate(owners) for _ in range(2)]
    for t in pollers:
        t.start()
    together([sender(i) for i in range(4) for _ in range(2)])
    wanted = 8 * (ROUNDS // 2)
    for _ in range(100 * SOON):
        if fetched.count("m2m:rsp") >= wanted:
            break
        done.wait(0.1)
    done.set()
    for t in pollers:
        t.join()
    assert fetched.count("m2m:sgn") == wanted and fetched.count("m2m:rsp") == wanted
    no_race(cse)


def test_the_end_comes_with_polls_waiting(house, tmp_path):
    cse = busy_cse(house, tmp_path)
    owner = house.client(cse, "Cwait", insecure=True)
    owner.register("in", "wait")
    owner.create("in/wait", 15, "m2m:pch", rn="p").expect(2001)
    answers = []

    def poll():
        answers.append(client_of(house, cse, owner).send(2, "in/wait/p/pcu", headers={"X-M2M-RET": "60000"}).rsc)

    def later():
        answers.append(client_of(house, cse, owner).send(2, "in/wait", headers={"X-M2M-OET": "60000"}).rsc)
    threads = [threading.Thread(target=poll), threading.Thread(target=poll), threading.Thread(target=later)]
    for t in threads:
        t.start()
    threading.Event().wait(0.3 * SOON)
    assert cse.stop() == 0
    for t in threads:
        t.join()
    assert sorted(answers) == [4008, 4008, 5000]
