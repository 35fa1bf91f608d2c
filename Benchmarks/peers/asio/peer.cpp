/* SPDX-License-Identifier: Apache-2.0
 *
 * The peer of Boost.Asio, built twice: over epoll, and over io_uring (BOOST_ASIO_HAS_IO_URING and
 * BOOST_ASIO_DISABLE_EPOLL).
 *
 *   asio-epoll|asio-uring [--port N] [--mode echo|packet|broadcast] [--group G] [--threads N]
 *
 * One io_context for each thread. A connection stays on one, and so does a group with all its members, so nothing is
 * locked. What a group's members sent goes out at the end of the turn, one write for each member, all from one buffer.
 */
#include <boost/asio.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;
/* Names its executor, which spares a call through a table for each operation. */
using Socket = asio::basic_stream_socket<tcp, asio::io_context::executor_type>;
using Bytes = std::vector<char>;

constexpr std::size_t header = 4, first_buffer = 16384, largest_packet = 65536;
/* A member that does not read is dropped when this much waits for it. */
constexpr std::size_t backlog_limit = 4 << 20;

enum class Mode { echo, packet, broadcast };

struct Cut {
    std::size_t whole; /* bytes of whole packets */
    std::size_t next;  /* bytes of the packet that follows, 0 when its size is not there */
    bool valid;
};

static Cut cut(const char *at, std::size_t count)
{
    std::size_t whole = 0;
    while (count - whole >= 2) {
        std::uint16_t size;
        std::memcpy(&size, at + whole, sizeof size);
        if (size < header)
            return {whole, 0, false};
        if (size > count - whole)
            return {whole, size, true};
        whole += size;
    }
    return {whole, 0, true};
}

/* ---- echo and packet */

class Session : public std::enable_shared_from_this<Session> {
public:
    Session(Socket socket, Mode mode) : socket(std::move(socket)), mode(mode), buffer(first_buffer) {}

    void read()
    {
        auto free = asio::buffer(buffer.data() + held, buffer.size() - held);
        socket.async_read_some(free, [self = shared_from_this()](error_code error, std::size_t count) {
            if (!error)
                self->received(count);
        });
    }

private:
    void received(std::size_t count)
    {
        held += count;
        Cut found = mode == Mode::echo ? Cut{held, 0, true} : cut(buffer.data(), held);
        if (found.next > buffer.size())
            buffer.resize(largest_packet);
        if (found.whole)
            write(found);
        else if (found.valid)
            read();
    }

    /* Straight from the buffer that was read into: the next read waits for it. */
    void write(Cut found)
    {
        auto whole = asio::buffer(buffer.data(), found.whole);
        asio::async_write(socket, whole, [self = shared_from_this(), found](error_code error, std::size_t) {
            if (error || !found.valid)
                return;
            self->held -= found.whole;
            if (self->held)
                std::memmove(self->buffer.data(), self->buffer.data() + found.whole, self->held);
            self->read();
        });
    }

    Socket socket;
    Mode mode;
    Bytes buffer;
    std::size_t held = 0;
};

/* ---- broadcast */

class Member;

class Group : public std::enable_shared_from_this<Group> {
public:
    explicit Group(asio::io_context &context) : context(context) {}

    void say(const char *at, std::size_t count);
    void flush();

    asio::io_context &context;
    std::vector<Member *> members;
    std::size_t arrived = 0;

private:
    std::shared_ptr<Bytes> log = std::make_shared<Bytes>();
    bool flushing = false;
};

class Member : public std::enable_shared_from_this<Member> {
public:
    Member(Socket socket, std::shared_ptr<Group> group)
        : socket(std::move(socket)), group(std::move(group)), buffer(first_buffer)
    {
    }
    ~Member()
    {
        auto &members = group->members;
        members.erase(std::remove(members.begin(), members.end(), this), members.end());
    }

    void start()
    {
        group->members.push_back(this);
        read();
    }

    void send(const std::shared_ptr<Bytes> &bytes)
    {
        waiting_count += bytes->size();
        if (waiting_count > backlog_limit) {
            error_code ignored;
            socket.close(ignored);
            return;
        }
        waiting.push_back(bytes);
        if (flying.empty())
            write();
    }

private:
    void read()
    {
        auto free = asio::buffer(buffer.data() + held, buffer.size() - held);
        socket.async_read_some(free, [self = shared_from_this()](error_code error, std::size_t count) {
            if (!error)
                self->received(count);
        });
    }

    void received(std::size_t count)
    {
        held += count;
        Cut found = cut(buffer.data(), held);
        if (found.whole)
            group->say(buffer.data(), found.whole);
        if (!found.valid) {
            error_code ignored;
            socket.close(ignored);
            return;
        }
        held -= found.whole;
        if (held)
            std::memmove(buffer.data(), buffer.data() + found.whole, held);
        if (found.next > buffer.size())
            buffer.resize(largest_packet);
        read();
    }

    void write()
    {
        flying.swap(waiting);
        pieces.clear();
        for (auto &bytes : flying)
            pieces.push_back(asio::buffer(*bytes));
        asio::async_write(socket, pieces, [self = shared_from_this()](error_code error, std::size_t count) {
            self->waiting_count -= count;
            self->flying.clear();
            if (!error && !self->waiting.empty())
                self->write();
        });
    }

    Socket socket;
    std::shared_ptr<Group> group;
    Bytes buffer;
    std::size_t held = 0, waiting_count = 0;
    std::vector<std::shared_ptr<Bytes>> waiting, flying;
    std::vector<asio::const_buffer> pieces;
};

void Group::say(const char *at, std::size_t count)
{
    log->insert(log->end(), at, at + count);
    if (std::exchange(flushing, true))
        return;
    /* Runs after the handlers of everything that was ready. */
    asio::post(context, [self = shared_from_this()] { self->flush(); });
}

void Group::flush()
{
    flushing = false;
    for (Member *member : members)
        member->send(log);
    if (log.use_count() == 1)
        log->clear();
    else
        log = std::make_shared<Bytes>();
}

/* ---- the listener */

struct Options {
    int port = 0, group = 10, threads = 1;
    Mode mode = Mode::echo;
};

class Listener {
public:
    Listener(std::vector<std::unique_ptr<asio::io_context>> &contexts, Options options)
        : contexts(contexts), options(options), acceptor(*contexts[0])
    {
        acceptor.open(tcp::v4());
        acceptor.set_option(asio::socket_base::reuse_address(true));
        acceptor.bind({asio::ip::address_v4::loopback(), static_cast<unsigned short>(options.port)});
        acceptor.listen(4096);
    }

    int port() { return acceptor.local_endpoint().port(); }

    void accept()
    {
        std::shared_ptr<Group> group = options.mode == Mode::broadcast ? next_group() : nullptr;
        asio::io_context &context = group ? group->context : *contexts[turn++ % contexts.size()];
        acceptor.async_accept(context, [this, group, &context](error_code error, Socket socket) {
            if (!error)
                open(std::move(socket), group, context);
            accept();
        });
    }

private:
    void open(Socket socket, std::shared_ptr<Group> group, asio::io_context &context)
    {
        error_code ignored;
        socket.set_option(tcp::no_delay(true), ignored);
        if (group)
            group->arrived++;
        auto begin = [socket = std::move(socket), group, mode = options.mode]() mutable {
            if (group)
                std::make_shared<Member>(std::move(socket), group)->start();
            else
                std::make_shared<Session>(std::move(socket), mode)->read();
        };
        asio::dispatch(context, std::move(begin));
    }

    std::shared_ptr<Group> next_group()
    {
        std::size_t size = options.group > 0 ? static_cast<std::size_t>(options.group) : SIZE_MAX;
        if (!filling || filling->arrived >= size)
            filling = std::make_shared<Group>(*contexts[turn++ % contexts.size()]);
        return filling;
    }

    std::vector<std::unique_ptr<asio::io_context>> &contexts;
    Options options;
    asio::basic_socket_acceptor<tcp, asio::io_context::executor_type> acceptor;
    std::shared_ptr<Group> filling;
    std::size_t turn = 0;
};

static Options parse(int count, char **words)
{
    Options options;
    for (int i = 1; i + 1 < count; i += 2) {
        std::string name = words[i], value = words[i + 1];
        if (name == "--mode")
            options.mode = value == "packet" ? Mode::packet : value == "broadcast" ? Mode::broadcast : Mode::echo;
        else if (name == "--port")
            options.port = std::atoi(value.c_str());
        else if (name == "--group")
            options.group = std::atoi(value.c_str());
        else if (name == "--threads")
            options.threads = std::max(1, std::atoi(value.c_str()));
    }
    return options;
}

int main(int count, char **words)
{
    Options options = parse(count, words);
    std::vector<std::unique_ptr<asio::io_context>> contexts;
    for (int i = 0; i < options.threads; i++)
        /* One thread needs none of the locks, as the page on concurrency hints says. */
        contexts.push_back(std::make_unique<asio::io_context>(
            options.threads == 1 ? BOOST_ASIO_CONCURRENCY_HINT_UNSAFE : 1));
    Listener listener(contexts, options);
    listener.accept();
    std::printf("listening 127.0.0.1:%d\nready\n", listener.port());
    std::fflush(stdout);
    std::vector<std::thread> threads;
    for (std::size_t i = 1; i < contexts.size(); i++)
        threads.emplace_back([&context = *contexts[i]] {
            auto work = asio::make_work_guard(context);
            context.run();
        });
    contexts[0]->run();
}
