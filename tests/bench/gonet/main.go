// Command gonet is the Go peer of the benchmarks: the standard library's net and crypto/tls with a
// goroutine for each connection, as a Go programmer writes a server.
//
//	gonet echo|sink|udp HOST PORT
//	gonet source SIZE HOST PORT
//	gonet tls-echo|tls-sink HOST PORT CERTIFICATE KEY
package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

const (
	echoBuffer = 4 << 10
	bulkBuffer = 64 << 10
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gonet:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)

	kind, args := shift(args)
	handle := echo
	switch kind {
	case "echo", "tls-echo", "udp":
	case "sink", "tls-sink":
		handle = discard
	case "source":
		size, rest := shift(args)
		n, err := strconv.Atoi(size)
		if err != nil {
			return err
		}
		args = rest
		handle = func(c net.Conn) { pour(c, n) }
	default:
		return fmt.Errorf("unknown kind %q", kind)
	}
	if len(args) < 2 {
		return fmt.Errorf("usage: gonet KIND HOST PORT [CERTIFICATE KEY]")
	}
	address := net.JoinHostPort(args[0], args[1])
	if kind == "udp" {
		if err := serveDatagrams(address); err != nil {
			return err
		}
	} else if err := serve(address, args[2:], handle); err != nil {
		return err
	}
	<-stop
	return nil
}

func shift(args []string) (string, []string) {
	if len(args) == 0 {
		return "", nil
	}
	return args[0], args[1:]
}

func announce(a net.Addr) {
	host, port, _ := net.SplitHostPort(a.String())
	fmt.Printf("listening %s %s\n", host, port)
}

func serve(address string, certificate []string, handle func(net.Conn)) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	announced := listener.Addr()
	if len(certificate) == 2 {
		pair, err := tls.LoadX509KeyPair(certificate[0], certificate[1])
		if err != nil {
			return err
		}
		listener = tls.NewListener(listener, &tls.Config{
			Certificates: []tls.Certificate{pair},
			MinVersion:   tls.VersionTLS13,
		})
	}
	announce(announced)
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				fmt.Fprintln(os.Stderr, "gonet: accept:", err)
				os.Exit(1)
			}
			go func() {
				defer c.Close()
				handle(c)
			}()
		}
	}()
	return nil
}

func echo(c net.Conn) {
	buffer := make([]byte, echoBuffer)
	for {
		n, err := c.Read(buffer)
		if err != nil {
			return
		}
		if _, err := c.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// discard reads into a buffer of its own: io.Copy to io.Discard has one of 8 KB only.
func discard(c net.Conn) {
	buffer := make([]byte, bulkBuffer)
	for {
		if _, err := c.Read(buffer); err != nil {
			if err != io.EOF {
				fmt.Fprintln(os.Stderr, "gonet: read:", err)
			}
			return
		}
	}
}

func pour(c net.Conn, size int) {
	data := make([]byte, size)
	for {
		if _, err := c.Write(data); err != nil {
			return
		}
	}
}

func serveDatagrams(address string) error {
	packets, err := net.ListenPacket("udp", address)
	if err != nil {
		return err
	}
	udp := packets.(*net.UDPConn)
	announce(udp.LocalAddr())
	go func() {
		buffer := make([]byte, 64<<10)
		for {
			// An error is one of an earlier answer, to a client that went away.
			n, from, err := udp.ReadFromUDPAddrPort(buffer)
			if err == nil {
				_, _ = udp.WriteToUDPAddrPort(buffer[:n], from)
			}
		}
	}()
	return nil
}
