/* Does what the plugin does for an ADD that its agent can answer, and nothing else: the floor of any such executable. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char request[1 << 16], answer[1 << 16];
static size_t end = 5;

static void append_count(uint32_t count) {
    uint32_t ordered = htonl(count);
    memcpy(request + end, &ordered, 4);
    end += 4;
}

static void append_variables(void) {
    const char *names[] = {"CNI_COMMAND", "CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS", "CNI_PATH"};
    size_t counter = end++;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (!value)
            continue;
        size_t name_length = strlen(names[i]), value_length = strlen(value);
        request[counter]++;
        append_count(name_length + 1 + value_length);
        memcpy(request + end, names[i], name_length);
        request[end + name_length] = '=';
        memcpy(request + end + name_length + 1, value, value_length);
        end += name_length + 1 + value_length;
    }
}

static void append_stdin(void) {
    ssize_t got;
    while ((got = read(0, request + end, sizeof request - end)) > 0)
        end += got;
}

static void send_request(int connection, int netns) {
    char room[CMSG_SPACE(sizeof netns)] = {0};
    struct iovec data = {request, end};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof netns);
    memcpy(CMSG_DATA(rights), &netns, sizeof netns);
    if (sendmsg(connection, &message, MSG_NOSIGNAL) != (ssize_t)end)
        _exit(3);
}

static size_t receive(int connection) {
    size_t length = 0;
    ssize_t got;
    while ((got = read(connection, answer + length, sizeof answer - length)) > 0)
        length += got;
    return length;
}

int main(void) {
    append_variables();
    append_stdin();
    uint32_t body_length = htonl(end - 5);
    request[0] = 1;
    memcpy(request + 1, &body_length, 4);

    int netns = open(getenv("CNI_NETNS"), O_RDONLY | O_CLOEXEC);
    int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = AGENT_SOCKET};
    if (netns < 0 || connect(connection, (struct sockaddr *)&address, sizeof address))
        _exit(2);
    send_request(connection, netns);
    size_t length = receive(connection);
    if (length < 5 || write(1, answer + 5, length - 5) != (ssize_t)(length - 5))
        _exit(4);
    _exit(answer[0]);
}
