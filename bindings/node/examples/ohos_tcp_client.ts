// OpenHarmony's own style; runs unchanged there: node --import ohsocket/register ohos_tcp_client.ts HOST PORT
import socket from '@ohos.net.socket';
import { BusinessError } from '@ohos.base';

let tcp = socket.constructTCPSocketInstance();
tcp.on('message', (value: socket.SocketMessageInfo) => {
  let text = '';
  let view = new DataView(value.message);
  for (let i = 0; i < view.byteLength; ++i) {
    text += String.fromCharCode(view.getUint8(i));
  }
  console.log('received: ' + text);
  tcp.close((err: BusinessError) => {
    console.log(err ? 'close fail' : 'close success');
  });
});
tcp.on('connect', () => {
  console.log('on connect');
});

let local: socket.NetAddress = {} as socket.NetAddress;
local.address = '127.0.0.1';
tcp.bind(local, (err: BusinessError) => {
  if (err) {
    console.log('bind fail');
    return;
  }
  let peer: socket.NetAddress = { address: process.argv[2] ?? '127.0.0.1', port: Number(process.argv[3] ?? 5678) };
  let options: socket.TCPConnectOptions = { address: peer, timeout: 6000 };
  tcp.connect(options, (err: BusinessError) => {
    if (err) {
      console.log('connect fail: ' + err.code);
      tcp.close();
      return;
    }
    tcp.send({ data: 'Hello, server!' }, (err: BusinessError) => {
      console.log(err ? 'send fail' : 'send success');
    });
  });
});
