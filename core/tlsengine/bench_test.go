package tlsengine

import (
	"testing"
)

func BenchmarkHandshake(b *testing.B) {
	for name, resume := range map[string]bool{"full": false, "resumed": true} {
		b.Run(name, func(b *testing.B) {
			config := trusting()
			config.NoTickets = !resume
			accept := serving()
			connecting, accepting := context(b, config), context(b, accept)
			for b.Loop() {
				s, err := connecting.Client("test.host", 1)
				c := open(b, s, err)
				s, err = accepting.Server()
				a := open(b, s, err)
				connect(b, c, a)
				c.Close()
				a.Close()
			}
		})
	}
}

func BenchmarkRecords(b *testing.B) {
	for name, size := range map[string]int{"64 B": 64, "16 KB": 16384, "256 KB": 256 << 10} {
		b.Run(name, func(b *testing.B) {
			c, s := client(b, trusting(), "test.host"), server(b, serving())
			connect(b, c, s)
			data, plain := make([]byte, size), make([]byte, size+1)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				c.write(b, data)
				wire := c.out.Bytes()
				if _, n, status := s.Read(wire, plain, s.out); n != size || status != More {
					b.Fatal(s.Err())
				}
				c.out.Reset()
			}
		})
	}
}
