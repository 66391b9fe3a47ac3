#!/usr/bin/env python3
"""Uploads one file to S3 with PycURL, as a careful engineer writes it.

The opponent of scripts/fault-table and scripts/network-faults. It follows the advice that is
given for uploads that break: parts that are read from the file at their own place, a rewind for
libcurl, timeouts for connecting and for stalls, keep-alive, retries with backoff, statuses and
answers that are looked at, no upload left behind.

    pycurl_upload.py FILE s3://bucket/key            # in parts, CurlMulti
    pycurl_upload.py FILE s3://bucket/key --single   # one PUT
    pycurl_upload.py FILE 'https://presigned...'     # one PUT

Endpoint, keys, region and CA bundle come from the usual AWS_ variables. The last line of stdout is
JSON; the exit code is 0 only where the file was uploaded.
"""

import argparse
import base64
import hashlib
import heapq
import io
import json
import os
import re
import sys
import time
from urllib.parse import quote

import pycurl

MIB = 1 << 20
# What another attempt may help against, beside a connection that fails.
RETRY_STATUSES = {408, 429, 500, 502, 503, 504}
# The file is shorter than it was, the address is none, an option is wrong: that stays so.
PERMANENT = {pycurl.E_READ_ERROR, pycurl.E_URL_MALFORMAT, pycurl.E_BAD_FUNCTION_ARGUMENT}


class UploadError(Exception):
    """An upload that did not succeed, with what the store or libcurl said."""


class Exchange:
    """One request, sent as often as it takes. Its body is read at any place by `read_at`; a good
    answer has `needs` in its headers or body."""

    def __init__(self, name, method, url, read_at, length, needs=rb"", headers=()):
        self.name, self.method, self.url = name, method, url
        self.read_at, self.length = read_at, length
        self.needs, self.headers = needs, list(headers)
        self.attempts = 0

    def begin(self):
        """A handle for the next attempt."""
        self.attempts += 1
        self.position, self.answer = 0, io.BytesIO()
        self.handle = curl = pycurl.Curl()
        curl.exchange = self
        curl.setopt(curl.URL, self.url)
        curl.setopt(curl.CUSTOMREQUEST, self.method)
        if self.method != "DELETE":
            curl.setopt(curl.UPLOAD, 1)
            curl.setopt(curl.INFILESIZE, self.length)
            curl.setopt(curl.READFUNCTION, self.read)
            curl.setopt(curl.SEEKFUNCTION, self.seek)
        curl.setopt(curl.HTTPHEADER, self.headers)
        curl.setopt(curl.HEADERFUNCTION, self.answer.write)
        curl.setopt(curl.WRITEFUNCTION, self.answer.write)
        return curl

    def read(self, size):
        data = self.read_at(min(size, self.length - self.position), self.position)
        self.position += len(data)
        return data

    def seek(self, offset, origin):
        self.position = offset
        return pycurl.SEEKFUNC_OK if origin == os.SEEK_SET else pycurl.SEEKFUNC_CANTSEEK

    def found(self, pattern):
        found = re.search(pattern, self.answer.getvalue(), re.IGNORECASE | re.MULTILINE)
        return found and found[found.re.groups].decode()

    def failure(self, code, message):
        """What is wrong with the attempt that has ended, and whether another may help."""
        status = self.handle.getinfo(pycurl.RESPONSE_CODE)
        if code != pycurl.E_OK:
            return f"curl error {code}: {message}", code not in PERMANENT
        if not 200 <= status < 300:
            return f"{status} {self.found(rb'<Code>(.*?)</Code>') or ''}", status in RETRY_STATUSES
        if self.found(self.needs) is None:
            return f"{status}, but the answer is not what it should be", True
        return None


class Uploader:
    """Sends requests over one CurlMulti, some at a time, and counts."""

    def __init__(self, options):
        self.options = options
        self.signed = options.destination.startswith("s3://")
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        self.region = region or "us-east-1"
        self.multi = pycurl.CurlMulti()
        self.attempts = self.retries = self.bytes_sent = 0

    def apply_options(self, curl):
        options = self.options
        curl.setopt(curl.NOSIGNAL, 1)
        curl.setopt(curl.CONNECTTIMEOUT, options.connect_timeout)
        curl.setopt(curl.LOW_SPEED_LIMIT, options.low_speed_limit)
        curl.setopt(curl.LOW_SPEED_TIME, options.low_speed_time)
        curl.setopt(curl.TCP_KEEPALIVE, 1)
        curl.setopt(curl.TCP_KEEPIDLE, 30)
        curl.setopt(curl.TCP_KEEPINTVL, 10)
        curl.setopt(curl.UPLOAD_BUFFERSIZE, 512 * 1024)
        if "AWS_CA_BUNDLE" in os.environ:
            curl.setopt(curl.CAINFO, os.environ["AWS_CA_BUNDLE"])
        if self.signed:
            keys = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
            curl.setopt(curl.AWS_SIGV4, f"aws:amz:{self.region}:s3")
            curl.setopt(curl.USERPWD, ":".join(keys))

    def run(self, *exchanges):
        """Sends them all; raises where one has failed for good."""
        waiting = [(0.0, number, exchange) for number, exchange in enumerate(exchanges)]
        flying = {}
        try:
            while waiting or flying:
                now = time.monotonic()
                while waiting and waiting[0][0] <= now and len(flying) < self.options.connections:
                    _, number, exchange = heapq.heappop(waiting)
                    curl = exchange.begin()
                    self.apply_options(curl)
                    self.multi.add_handle(curl)
                    flying[curl] = number
                self.multi.perform()
                for curl, code, message in self.ended():
                    number = flying.pop(curl)
                    due = self.judge(curl, code, message)
                    if due is not None:
                        heapq.heappush(waiting, (due, number, curl.exchange))
                if not flying and waiting:
                    time.sleep(max(0.0, waiting[0][0] - time.monotonic()))
                elif flying and self.multi.select(0.2) == 0:
                    time.sleep(0.01)  # it comes back at once where there is no socket yet
        finally:
            for curl in flying:
                self.multi.remove_handle(curl)

    def ended(self):
        left = 1
        while left:
            left, good, bad = self.multi.info_read()
            yield from [(curl, pycurl.E_OK, "") for curl in good] + bad

    def judge(self, curl, code, message):
        """When the request is to be sent again; None where it is done."""
        exchange = curl.exchange
        failure = exchange.failure(code, message)
        self.attempts += 1
        self.bytes_sent += int(curl.getinfo(pycurl.SIZE_UPLOAD_T))
        self.multi.remove_handle(curl)
        if failure is None:
            return None
        why, may_help = failure
        if not may_help or exchange.attempts > self.options.retries:
            raise UploadError(f"{exchange.name}: {why} (attempt {exchange.attempts})")
        delay = self.options.retry_delay * 2 ** (exchange.attempts - 1)
        print(f"{exchange.name}: {why}; again in {delay} s", file=sys.stderr)
        self.retries += 1
        return time.monotonic() + delay

    def request(self, name, method, url, body=b"", needs=rb"", headers=()):
        """A small one."""
        read_at = lambda size, place: body[place:place + size]
        return Exchange(name, method, url, read_at, len(body), needs, self.token() + list(headers))

    def put(self, name, url, file, offset, length, needs=rb""):
        """One whose body is a range of the file."""
        read_at = lambda size, place: os.pread(file, size, offset + place)
        headers = self.token()
        if self.options.content_md5:
            md5 = hashlib.md5()
            for place in range(0, length, MIB):
                md5.update(read_at(min(MIB, length - place), place))
            headers.append("Content-MD5: " + base64.b64encode(md5.digest()).decode())
        return Exchange(name, "PUT", url, read_at, length, needs, headers)

    def token(self):
        token = os.environ.get("AWS_SESSION_TOKEN")
        return ["x-amz-security-token: " + token] if self.signed and token else []

    def upload(self, file, size):
        if not self.signed:
            return self.run(self.put("PUT", self.options.destination, file, 0, size))
        url = object_url(self.options.destination, self.region)
        if self.options.single or size <= self.options.part_size:
            return self.run(self.put("PUT", url, file, 0, size))
        upload_id = rb"<UploadId>([^<]+)</UploadId>"
        create = self.request("Create", "POST", url + "?uploads=", needs=upload_id)
        self.run(create)
        query = "uploadId=" + quote(create.found(upload_id), safe="")
        try:
            self.send_parts(url, query, file, size)
        except BaseException:
            try:
                self.run(self.request("Abort", "DELETE", f"{url}?{query}"))
            except UploadError as error:
                print(f"the upload is left behind: {error}", file=sys.stderr)
            raise

    def send_parts(self, url, query, file, size):
        etag, step = rb"^ETag:\s*(\S+)", self.options.part_size
        parts = [self.put(f"part {number}", f"{url}?partNumber={number}&{query}", file, offset,
                          min(step, size - offset), etag)
                 for number, offset in enumerate(range(0, size, step), 1)]
        self.run(*parts)
        listed = (f"<Part><PartNumber>{number}</PartNumber><ETag>{part.found(etag)}</ETag></Part>"
                  for number, part in enumerate(parts, 1))
        body = f"<CompleteMultipartUpload>{''.join(listed)}</CompleteMultipartUpload>".encode()
        # A 200 to Complete may have an error inside.
        completed = rb"</CompleteMultipartUploadResult>"
        self.run(self.request("Complete", "POST", f"{url}?{query}", body, completed))


def object_url(destination, region):
    bucket, _, key = destination.removeprefix("s3://").partition("/")
    root = f"https://{bucket}.s3.{region}.amazonaws.com"
    if "AWS_ENDPOINT_URL" in os.environ:
        root = f"{os.environ['AWS_ENDPOINT_URL'].rstrip('/')}/{bucket}"
    return f"{root}/{quote(key, safe='/-_.~')}"


def main():
    options = arguments()
    uploader = Uploader(options)
    began, error = time.monotonic(), None
    file = os.open(options.file, os.O_RDONLY)
    size = os.fstat(file).st_size
    try:
        uploader.upload(file, size)
    except UploadError as failed:
        error = str(failed)
        print(f"error: {error}", file=sys.stderr)
    print(json.dumps({
        "outcome": "failed" if error else "uploaded", "error": error,
        "attempts": uploader.attempts, "retries": uploader.retries,
        "bytes": size, "bytes_sent": uploader.bytes_sent,
        "elapsed_s": round(time.monotonic() - began, 3), "version": pycurl.version,
    }))
    return 1 if error else 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("destination", help="s3://bucket/key, or a presigned URL")
    parser.add_argument("--single", action="store_true", help="one PUT, whatever the size")
    parser.add_argument("--content-md5", action="store_true", help="reads the file twice")
    number = {"type": int, "metavar": "N"}
    parser.add_argument("--part-size", default=16, help="MiB (16)", **number)
    parser.add_argument("--connections", default=8, help="at a time (8)", **number)
    parser.add_argument("--retries", default=3, help="of each request (3)", **number)
    parser.add_argument("--retry-delay", default=10, help="seconds, then doubled (10)", **number)
    parser.add_argument("--connect-timeout", default=30, help="seconds (30)", **number)
    parser.add_argument("--low-speed-limit", default=1024, help="bytes a second (1024)", **number)
    parser.add_argument("--low-speed-time", default=60, help="seconds (60)", **number)
    options = parser.parse_args()
    options.part_size *= MIB
    return options


if __name__ == "__main__":
    sys.exit(main())
