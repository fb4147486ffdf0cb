
import { socket } from '@kit.NetworkKit';
import { BusinessError, AsyncCallback } from '@kit.BasicServicesKit';
import { Colour } from './colours';
const done: AsyncCallback<void> = (error: BusinessError) => {
  console.log(error.code, error instanceof BusinessError, Colour.Green, new Error('line').stack?.includes('main.ts:6:'));
};
socket.constructUDPSocketInstance().close(done);
