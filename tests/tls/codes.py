"""The error codes that the cases expect."""

RESET, TIMEOUT, CANCELED = 2303204, 2303210, 2303225
READ = 2303502  # a broken record
CERTIFICATE = 2303504  # refused by either side, or useless
OTHER = 2303505  # of the handshake, the options and the end
