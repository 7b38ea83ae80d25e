package io.skerry.agent.serve;

import io.grpc.Codec;
import io.grpc.Decompressor;
import io.grpc.DecompressorRegistry;
import java.io.InputStream;
import java.util.zip.InflaterInputStream;

/** gRPC's deflate, which is zlib's format: grpc-java knows only gzip, other languages use both. */
final class DeflateCodec implements Decompressor {
  /** Reads what clients may send. */
  static final DecompressorRegistry DECOMPRESSORS =
      DecompressorRegistry.emptyInstance()
          .with(new Codec.Gzip(), true)
          .with(Codec.Identity.NONE, false)
          .with(new DeflateCodec(), true);

  @Override
  public String getMessageEncoding() {
    return "deflate";
  }

  @Override
  public InputStream decompress(InputStream compressed) {
    return new InflaterInputStream(compressed);
  }
}
