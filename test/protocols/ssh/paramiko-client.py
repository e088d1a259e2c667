"""A client that is neither OpenSSH nor ssh2: what it saw is printed as one JSON object.

Arguments: host, port, user, directory for files; the secret is in SECRET, the host key that is expected in HOST_KEY.
"""

import hashlib
import json
import os
import sys

import paramiko

host, port, user, directory = sys.argv[1:5]
kind, key = os.environ["HOST_KEY"].split(" ")[:2]

client = paramiko.SSHClient()
name = "[%s]:%s" % (host, port)
client.get_host_keys().add(name, kind, paramiko.hostkeys.HostKeyEntry.from_line("%s %s %s" % (name, kind, key)).key)
client.set_missing_host_key_policy(paramiko.RejectPolicy())
client.connect(host, int(port), user, os.environ["SECRET"], look_for_keys=False, allow_agent=False, timeout=20)
seen = {}

stdin, stdout, stderr = client.exec_command("cat; echo err >&2; exit 7", timeout=20)
stdin.write("in")
stdin.channel.shutdown_write()
seen["exec"] = [stdout.read().decode(), stderr.read().decode(), stdout.channel.recv_exit_status()]

stdin, stdout, stderr = client.exec_command("echo forbidden", timeout=20)
seen["denied"] = [stdout.read().decode(), stderr.read().decode(), stdout.channel.recv_exit_status()]

shell = client.invoke_shell("vt100", 90, 30)
shell.settimeout(20)
shell.sendall("stty size; exit\n")
heard = b""
while True:
    piece = shell.recv(4096)
    if not piece:
        break
    heard += piece
seen["shell"] = "30 90" in heard.decode()

sftp = client.open_sftp()
data = os.urandom(1 << 20) * 8
path = directory + "/paramiko"
with sftp.open(path, "wb") as file:
    file.set_pipelined(True)
    file.write(data)
with sftp.open(path, "rb") as file:
    file.prefetch(len(data))
    back = file.read()
seen["sftp"] = [sftp.stat(path).st_size, hashlib.sha256(back).digest() == hashlib.sha256(data).digest()]
sftp.remove(path)

transport = client.get_transport()
try:
    transport.open_channel("direct-tcpip", ("127.0.0.1", 22), ("127.0.0.1", 1), timeout=20)
    seen["forward"] = "open"
except paramiko.ChannelException as error:
    seen["forward"] = error.code

transport.renegotiate_keys()
_, stdout, _ = client.exec_command("echo after", timeout=20)
seen["after new keys"] = stdout.read().decode()
client.close()
print(json.dumps(seen))
