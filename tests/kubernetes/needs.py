"""What the suite needs on the machine; the API server is built once, as for the charts' tests."""
from goprogram import kubernetes_program
from machine import debian

PACKAGES = {"etcd": "etcd-server", "dnsmasq": "dnsmasq-base", "ip": "iproute2", "openssl": "openssl"}


def all():
    for program, package in PACKAGES.items():
        debian(program, package)
    api_server()


def api_server():
    """The kube-apiserver of the cache; about 6 minutes when it is missing."""
    return kubernetes_program("kube-apiserver")
