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

# What another attempt may help against, beside every failure of the connection.
RETRY_STATUSES = {408, 429, 500, 502, 503, 504}
# The file is shorter than it was, the address is none, an option is wrong: that stays so.
PERMANENT = {pycurl.E_READ_ERROR, pycurl.E_URL_MALFORMAT, pycurl.E_BAD_FUNCTION_ARGUMENT}
MIB = 1 << 20


class UploadError(Exception):
    """An upload that did not succeed, with what the store or libcurl said."""


class Exchange:
    """One request, sent as often as it takes. Its body is bytes, or a range of the file."""

    def __init__(self, name, method, url, body=b"", file_range=None, headers=(), accept=None):
        self.name, self.method, self.url = name, method, url
        self.body, self.headers = body, list(headers)
        self.file, self.offset, self.length = file_range or (None, 0, len(body))
        self.accept = accept or (lambda exchange: True)  # what a good answer has, beside a 200
        self.attempts = 0

    def begin(self, settings):
        """A handle for the next attempt."""
        self.attempts += 1
        self.position, self.answer, self.answer_headers = 0, io.BytesIO(), {}
        self.handle = curl = pycurl.Curl()
        curl.exchange = self
        curl.setopt(curl.URL, self.url)
        curl.setopt(curl.CUSTOMREQUEST, self.method)
        if self.method != "DELETE":
            curl.setopt(curl.UPLOAD, 1)
            curl.setopt(curl.INFILESIZE, self.length)
            curl.setopt(curl.READFUNCTION, self.read)
            curl.setopt(curl.SEEKFUNCTION, self.seek)
        curl.setopt(curl.HTTPHEADER, settings.headers + self.headers)
        curl.setopt(curl.WRITEFUNCTION, self.answer.write)
        curl.setopt(curl.HEADERFUNCTION, self.header)
        settings.apply(curl)
        return curl

    def read(self, size):
        size = min(size, self.length - self.position)
        if self.file is None:
            data = self.body[self.position:self.position + size]
        else:
            data = os.pread(self.file, size, self.offset + self.position)
        self.position += len(data)
        return data

    def seek(self, offset, origin):
        if origin != os.SEEK_SET:
            return pycurl.SEEKFUNC_CANTSEEK
        self.position = offset
        return pycurl.SEEKFUNC_OK

    def header(self, line):
        name, colon, value = line.decode("iso-8859-1").partition(":")
        if colon:
            self.answer_headers[name.strip().lower()] = value.strip()

    def failure(self, code, message):
        """What is wrong with the attempt that has ended, and whether another may help."""
        status = self.handle.getinfo(pycurl.RESPONSE_CODE)
        if code != pycurl.E_OK:
            return f"curl error {code}: {message}", code not in PERMANENT
        if not 200 <= status < 300:
            said = re.search(rb"<Code>(.*?)</Code>", self.answer.getvalue())
            return f"{status} {said[1].decode() if said else ''}".strip(), status in RETRY_STATUSES
        if not self.accept(self):
            return f"{status}, but the answer is not what it should be", True
        return None


class Settings:
    """The options that every request has."""

    def __init__(self, options, signed):
        self.options, self.signed = options, signed
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        self.region = region or "us-east-1"
        self.headers = []
        if signed and "AWS_SESSION_TOKEN" in os.environ:
            self.headers.append("x-amz-security-token: " + os.environ["AWS_SESSION_TOKEN"])

    def apply(self, curl):
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


class Uploader:
    """Sends requests over one CurlMulti, some at a time, and counts."""

    def __init__(self, options, settings):
        self.options, self.settings = options, settings
        self.multi = pycurl.CurlMulti()
        self.attempts = self.retries = self.bytes_sent = 0

    def run(self, exchanges):
        """Sends them all; raises where one has failed for good."""
        waiting = [(0.0, number, exchange) for number, exchange in enumerate(exchanges)]
        flying = set()
        try:
            while waiting or flying:
                free = self.options.connections - len(flying)
                while free > 0 and waiting and waiting[0][0] <= time.monotonic():
                    number, exchange = heapq.heappop(waiting)[1:]
                    curl = exchange.begin(self.settings)
                    curl.number = number
                    self.multi.add_handle(curl)
                    flying.add(curl)
                    free -= 1
                self.multi.perform()
                for curl, code, message in self.ended():
                    flying.remove(curl)
                    due = self.judge(curl, code, message)
                    if due is not None:
                        heapq.heappush(waiting, (due, curl.number, curl.exchange))
                if flying:
                    if self.multi.select(0.2) == 0:
                        time.sleep(0.01)  # it comes back at once where there is no socket yet
                elif waiting:
                    time.sleep(max(0.0, waiting[0][0] - time.monotonic()))
        finally:
            for curl in flying:
                self.multi.remove_handle(curl)

    def ended(self):
        while True:
            left, good, bad = self.multi.info_read()
            yield from ((curl, pycurl.E_OK, "") for curl in good)
            yield from bad
            if left == 0:
                return

    def judge(self, curl, code, message):
        """When the request is to be sent again; None where it is done."""
        exchange, options = curl.exchange, self.options
        failure = exchange.failure(code, message)
        self.attempts += 1
        self.bytes_sent += int(curl.getinfo(pycurl.SIZE_UPLOAD_T))
        self.multi.remove_handle(curl)
        if failure is None:
            return None
        why, may_help = failure
        if not may_help or exchange.attempts > options.retries:
            raise UploadError(f"{exchange.name}: {why} (attempt {exchange.attempts})")
        delay = options.retry_delay * 2 ** (exchange.attempts - 1)
        print(f"{exchange.name}: {why}; again in {delay:g} s", file=sys.stderr)
        self.retries += 1
        return time.monotonic() + delay

    def put(self, url, file, size):
        place = file, 0, size
        self.run([Exchange("PUT", "PUT", url, file_range=place, headers=self.digest(*place))])

    def multipart(self, url, file, size):
        upload_id = None
        try:
            create = Exchange("Create", "POST", url + "?uploads=", accept=upload_id_in)
            self.run([create])
            upload_id = quote(upload_id_in(create), safe="")
            parts = [self.part(url, upload_id, number, file, offset, size)
                     for number, offset in enumerate(range(0, size, self.options.part_size), 1)]
            self.run(parts)
            etags = (f"<Part><PartNumber>{number}</PartNumber>"
                     f"<ETag>{part.answer_headers['etag']}</ETag></Part>"
                     for number, part in enumerate(parts, 1))
            document = f"<CompleteMultipartUpload>{''.join(etags)}</CompleteMultipartUpload>"
            self.run([Exchange("Complete", "POST", f"{url}?uploadId={upload_id}",
                               body=document.encode(), accept=completed)])
        except BaseException:
            if upload_id is not None:
                self.abort(url, upload_id)
            raise

    def part(self, url, upload_id, number, file, offset, size):
        place = file, offset, min(self.options.part_size, size - offset)
        return Exchange(f"part {number}", "PUT", f"{url}?partNumber={number}&uploadId={upload_id}",
                        file_range=place, headers=self.digest(*place),
                        accept=lambda exchange: "etag" in exchange.answer_headers)

    def digest(self, file, offset, length):
        if not self.options.content_md5:
            return []
        md5 = hashlib.md5()
        for place in range(offset, offset + length, MIB):
            md5.update(os.pread(file, min(MIB, offset + length - place), place))
        return ["Content-MD5: " + base64.b64encode(md5.digest()).decode()]

    def abort(self, url, upload_id):
        try:
            self.run([Exchange("Abort", "DELETE", f"{url}?uploadId={upload_id}")])
        except UploadError as error:
            print(f"the upload is left behind: {error}", file=sys.stderr)


def upload_id_in(exchange):
    found = re.search(rb"<UploadId>([^<]+)</UploadId>", exchange.answer.getvalue())
    return found and found[1].decode()


def completed(exchange):
    """A 200 to Complete may have an error inside."""
    return b"</CompleteMultipartUploadResult>" in exchange.answer.getvalue()


def main():
    options = arguments()
    signed = options.destination.startswith("s3://")
    settings = Settings(options, signed)
    uploader = Uploader(options, settings)
    url = object_url(options.destination, settings.region) if signed else options.destination
    began, error = time.monotonic(), None
    file = os.open(options.file, os.O_RDONLY)
    size = os.fstat(file).st_size
    try:
        if signed and not options.single and size > options.part_size:
            uploader.multipart(url, file, size)
        else:
            uploader.put(url, file, size)
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


def object_url(destination, region):
    bucket, _, key = destination.removeprefix("s3://").partition("/")
    root = f"https://{bucket}.s3.{region}.amazonaws.com"
    if "AWS_ENDPOINT_URL" in os.environ:
        root = f"{os.environ['AWS_ENDPOINT_URL'].rstrip('/')}/{bucket}"
    return f"{root}/{quote(key, safe='/-_.~')}"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("destination", help="s3://bucket/key, or a presigned URL")
    parser.add_argument("--single", action="store_true", help="one PUT, whatever the size")
    number = {"type": int, "metavar": "N"}
    parser.add_argument("--part-size", default=16, help="MiB (16)", **number)
    parser.add_argument("--connections", default=8, help="at a time (8)", **number)
    parser.add_argument("--retries", default=3, help="of each request (3)", **number)
    parser.add_argument("--retry-delay", default=10, help="seconds, then doubled (10)", **number)
    parser.add_argument("--connect-timeout", default=30, help="seconds (30)", **number)
    parser.add_argument("--low-speed-limit", default=1024, help="bytes a second (1024)", **number)
    parser.add_argument("--low-speed-time", default=60, help="seconds (60)", **number)
    parser.add_argument("--content-md5", action="store_true", help="reads the file twice")
    options = parser.parse_args()
    options.part_size *= MIB
    return options


if __name__ == "__main__":
    sys.exit(main())
