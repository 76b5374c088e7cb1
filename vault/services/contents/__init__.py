"""Contents of documents and of vouchers: how they come in by stream, and go out again.

Bytes come in and are cut into segments. Each is sealed as a stream of its own under the content's
key (vault/sealing/stream.py) and put as an object before a row says that it is there: what is
acknowledged is durable, an upload that broke off goes on behind the last whole segment, and no more
than two segments are in memory. Nothing is to be seen of a content before its row and its event
commit together. Its key hangs under the file key of the record's scope, and is destroyed with it.

What is given out was authenticated before; what was not there when a row said so is DATA_LOSS and
never an empty file.
"""
