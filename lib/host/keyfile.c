#include "host/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/code.h"

enum { DIGITS = 2 * KEYFILE_OCTETS, MODE = 0600 };

static enum err write_digits(int fd)
{
    uint8_t key[KEYFILE_OCTETS], text[DIGITS + 1];
    struct buf b = BUF_ARRAY(text);
    if (RAND_bytes(key, sizeof key) != 1)
        return ERR_CRYPTO;
    hex_put(&b, span_of(key, sizeof key));
    buf_c(&b, '\n');
    wipe(key, sizeof key);
    ssize_t n = write(fd, text, sizeof text);
    enum err e = n == (ssize_t)sizeof text ? OK : n < 0 && errno != ENOSPC ? ERR_IO : ERR_DISK;
    wipe(text, sizeof text);
    return e == OK && fsync(fd) != 0 ? ERR_IO : e;
}

enum err keyfile_make(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, MODE);
    if (fd < 0)
        return errno == EEXIST ? ERR_EXISTS : errno == ENOSPC ? ERR_DISK : ERR_IO;
    enum err e = write_digits(fd);
    if (close(fd) != 0 && e == OK)
        e = ERR_IO;
    if (e != OK)
        (void)unlink(path);
    return e;
}
