"""Uploads a file through presigned URLs, several at once, as scripts do.

    upload.py FILE WORKERS [--http-client] [--expect] [--hold]
    upload.py "" 1 --version

The URLs come on standard input, a line each, after it has printed `ready`. What became of each is
printed as a line of JSON. With --http-client it needs no PycURL. With --expect libcurl asks before
it sends a body, as it does by itself; many scripts switch that off. With --hold all requests begin
at once, and the bodies of WORKERS are sent at a time, as where readers share a lock or a limit.
"""

import errno
import http.client
import io
import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

FILE, WORKERS, FLAGS = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
HOLD = "--hold" in FLAGS
turns, printing = threading.Semaphore(WORKERS), threading.Lock()


class Reader:
    """The file; with --hold, its first bytes at once and the rest when it has its turn."""

    def __init__(self, file):
        self.file, self.begun, self.has_turn = file, False, False

    def read(self, size):
        if HOLD and self.begun and not self.has_turn:
            self.has_turn = turns.acquire()
        self.begun = True
        return self.file.read(size if self.has_turn or not HOLD else min(size, 1024))

    def close(self):
        if self.has_turn:
            turns.release()


def put_with_pycurl(url, length, reader):
    answer, curl, error = io.BytesIO(), pycurl.Curl(), (0, "")
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.UPLOAD, 1)
    curl.setopt(pycurl.READFUNCTION, reader.read)
    curl.setopt(pycurl.INFILESIZE_LARGE, length)
    curl.setopt(pycurl.WRITEFUNCTION, answer.write)
    curl.setopt(pycurl.NOSIGNAL, 1)
    curl.setopt(pycurl.PROXY, "")
    if "--expect" not in FLAGS:
        curl.setopt(pycurl.HTTPHEADER, ["Expect:"])
    try:
        curl.perform()
    except pycurl.error as failed:
        error = failed.args
    status, number = curl.getinfo(pycurl.RESPONSE_CODE), curl.getinfo(pycurl.OS_ERRNO)
    curl.close()
    message = f"curl error {error[0]}: {error[1]}" if error[0] else ""
    return status, number if error[0] else 0, message, answer.getvalue()


def put_with_http_client(url, length, reader):
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, blocksize=64 * 1024)
    try:
        target = f"{parts.path}?{parts.query}"
        connection.request("PUT", target, body=reader, headers={"Content-Length": str(length)})
        answer = connection.getresponse()
        return answer.status, 0, "", answer.read()
    except OSError as failed:
        return 0, failed.errno or 0, f"{type(failed).__name__}: {failed.strerror}", b""
    except http.client.HTTPException as failed:
        return 0, 0, type(failed).__name__, b""
    finally:
        connection.close()


def upload(number, url, began):
    waited = time.monotonic() - began
    with open(FILE, "rb") as file:
        reader = Reader(file)
        status, code, message, answer = put(url, os.fstat(file.fileno()).st_size, reader)
        reader.close()
    told = json.dumps({
        "number": number,
        "status": status,
        "errno": errno.errorcode.get(code, ""),
        "message": message,
        "code": answer.decode(errors="replace").partition("<Code>")[2].partition("<")[0],
        "waited_s": round(waited, 3),
        "elapsed_s": round(time.monotonic() - began, 3),
    })
    with printing:
        print(told, flush=True)


def main():
    print("ready", flush=True)
    urls = sys.stdin.read().split()
    began = time.monotonic()
    with ThreadPoolExecutor(max_workers=len(urls) if HOLD else WORKERS) as pool:
        for done in [pool.submit(upload, number, url, began) for number, url in enumerate(urls)]:
            done.result()


if "--http-client" in FLAGS:
    put = put_with_http_client
else:
    import pycurl
    put = put_with_pycurl
if "--version" in FLAGS:
    print(pycurl.version)
else:
    main()
