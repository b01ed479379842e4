/** The live connection: one WebSocket, text frames for messages and binary frames for layers. */

import { decodeLayer, type Layer } from "./decode";
import type { PageMessage, ServerMessage } from "./messages";

/** Who hears what arrives. */
export interface Listener {
  message(message: ServerMessage): void;
  layer(layer: Layer): void;
  closed(): void;
}

/** Opens the socket, decodes what arrives and sends messages; `connect` may be called again. */
export class Connection {
  private socket: WebSocket | null = null;

  constructor(private readonly listener: Listener) {}

  /** Open a new socket beside this page's address and forget the one before. */
  connect(): void {
    const address = new URL("live", location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    address.search = "";
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", (event: MessageEvent<string | ArrayBuffer>) => {
      if (socket === this.socket) this.hear(event.data);
    });
    socket.addEventListener("close", () => {
      if (socket === this.socket) this.listener.closed();
    });
    this.socket = socket;
  }

  /** Send a message; it is dropped where the socket is not open. */
  send(message: PageMessage): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private hear(data: string | ArrayBuffer): void {
    if (typeof data === "string") this.listener.message(JSON.parse(data) as ServerMessage);
    else this.listener.layer(decodeLayer(data));
  }
}
