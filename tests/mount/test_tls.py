# SPDX-License-Identifier: MIT
"""TLS to Redis: who is believed, and what a build without it says."""

import json
import os
import shutil
import socket
import subprocess

import numpy as np

import harness

PATTERN = np.arange(10.0)
LARGE = np.random.default_rng(1).random(1 << 18)


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Authority:
    """One that signs certificates, in DIRECTORY."""

    def __init__(self, directory, name):
        self.directory = directory
        self.certificate = os.path.join(directory, f"{name}.crt")
        self.key = os.path.join(directory, f"{name}.key")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", f"/CN={name}", "-keyout", self.key,
                "-out", self.certificate)

    def sign(self, name, names, days="2"):
        """Certificate and key of NAME, for hosts as in NAMES."""
        certificate, key, request, extension = (
            os.path.join(self.directory, f"{name}.{suffix}")
            for suffix in ("crt", "key", "csr", "ext"))
        openssl("req", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-subj",
                f"/CN={name}", "-keyout", key, "-out", request)
        with open(extension, "w") as file:
            file.write(f"subjectAltName={names}\n")
        openssl("x509", "-req", "-in", request, "-CA", self.certificate,
                "-CAkey", self.key, "-CAcreateserial", "-days", days,
                "-extfile", extension, "-out", certificate)
        return certificate, key


class TlsServer(harness.RedisServer):
    """One that listens for TLS as well."""

    def __init__(self, authority, certificate, key, clients="no"):
        self.port = free_port()
        super().__init__("--tls-port", str(self.port), "--tls-cert-file",
                         certificate, "--tls-key-file", key,
                         "--tls-ca-cert-file", authority.certificate,
                         "--tls-auth-clients", clients, "--bind",
                         "127.0.0.1", "--logfile", "/dev/null")


class Tls(harness.unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not shutil.which("openssl"):
            raise harness.unittest.SkipTest("no openssl here")
        cls.directory = harness.tempfile.mkdtemp(prefix="engramfs-tls-")
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        cls.ours = Authority(cls.directory, "ours")
        cls.others = Authority(cls.directory, "others")
        cls.good = cls.ours.sign("server", "IP:127.0.0.1,DNS:localhost")
        run = cls.run_with("redis.ssl=true", "redis.host=127.0.0.1",
                           "redis.port=1", f"redis.ssl_ca_certs={__file__}")
        if "has no TLS" in run.stderr and "stunnel" in run.stderr:
            raise harness.unittest.SkipTest(
                "this build has no TLS, and says so")

    def setUp(self):
        self.store = os.path.join(self.directory, self.id())
        os.mkdir(self.store)

    def server(self, certificate, **more):
        server = TlsServer(self.ours, *certificate, **more)
        self.addCleanup(server.close)
        return server

    def options(self, server, host="127.0.0.1", authority=None):
        authority = authority or self.ours
        return ("redis.ssl=true", f"redis.host={host}",
                f"redis.port={server.port}",
                f"redis.ssl_ca_certs={authority.certificate}")

    @classmethod
    def run_with(cls, *options):
        """Of a mount that is refused."""
        store, mountpoint = (harness.tempfile.mkdtemp(dir=cls.directory)
                             for _ in range(2))
        words = [word for option in options for word in ("-o", option)]
        run = harness.run_engramfs(store, mountpoint, *words)
        if run.returncode == 0:
            harness.unmount(mountpoint)
        return run

    def refusal(self, *options):
        run = self.run_with(*options)
        self.assertNotEqual(run.returncode, 0)
        return run.stderr

    def use(self, *options):
        mount = harness.Mount(*options, store=self.store)
        self.addCleanup(mount.discard)
        for name, array in (("small", PATTERN), ("large", LARGE)):
            np.save(mount(f"wm/{name}.npy"), array)
            np.testing.assert_array_equal(np.load(mount(f"wm/{name}.npy")),
                                          array)
        return mount

    def test_a_server_with_a_good_certificate_is_used(self):
        server = self.server(self.good)
        mount = self.use(*self.options(server))
        self.assertEqual(server.client.exists("wm:small", "wm:large"), 2)
        server.client.delete("wm:small")
        harness.eventually(
            lambda: not os.path.exists(mount("wm/small.npy")))
        status = json.loads(mount.control("status.json"))
        self.assertEqual(status["backends"]["redis"]["state"], "healthy")
        mount.unmount()

    def test_a_server_is_asked_for_by_name(self):
        mount = self.use(*self.options(self.server(self.good), "localhost"))
        mount.unmount()

    def test_a_server_signed_by_others_is_refused(self):
        server = self.server(self.good)
        text = self.refusal(*self.options(server, authority=self.others))
        self.assertIn("certificate", text)

    def test_a_certificate_for_another_host_is_refused(self):
        other = self.ours.sign("elsewhere", "DNS:elsewhere.example")
        for host in ("127.0.0.1", "localhost"):
            with self.subTest(host=host):
                text = self.refusal(*self.options(self.server(other), host))
                self.assertIn("mismatch", text)

    def test_an_expired_certificate_is_refused(self):
        expired = self.ours.sign("expired", "IP:127.0.0.1", days="-1")
        text = self.refusal(*self.options(self.server(expired)))
        self.assertIn("expired", text)

    def test_a_server_that_wants_to_know_us_does(self):
        server = self.server(self.good, clients="yes")
        certificate, key = self.ours.sign("client", "DNS:client")
        mount = harness.Mount(*self.options(server), store=self.store)
        self.addCleanup(mount.discard)
        with self.assertRaises(OSError):
            os.listdir(mount("wm"))
        mount.unmount()
        mount = self.use(*self.options(server),
                         f"redis.ssl_certfile={certificate}",
                         f"redis.ssl_keyfile={key}")
        mount.unmount()

    def test_a_connection_that_is_lost_is_made_anew(self):
        server = self.server(self.good)
        mount = self.use(*self.options(server))
        server.client.client_kill_filter(_type="normal", skipme=True)
        np.testing.assert_array_equal(np.load(mount("wm/large.npy")), LARGE)
        mount.unmount()


if __name__ == "__main__":
    harness.main()
