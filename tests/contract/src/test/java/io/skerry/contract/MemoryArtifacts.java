package io.skerry.contract;

import io.skerry.protocol.Digest;
import io.skerry.simulator.world.ArtifactServer;
import java.net.URI;
import java.net.http.HttpClient;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** The simulation's artifacts. */
final class MemoryArtifacts implements ServedArtifacts {
  private static final int UNBROKEN = Integer.MAX_VALUE;

  private final Map<String, byte[]> blobs = new HashMap<>();
  private final ArtifactServer server =
      new ArtifactServer(
          hex -> Optional.ofNullable(blobs.get(hex)),
          new ArtifactServer.Line() {
            @Override
            public ArtifactServer.Fate next(int length) {
              return fate(length);
            }

            @Override
            public void gave(int bytes) {
              left = left == UNBROKEN ? UNBROKEN : left - bytes;
            }
          });
  private int left = UNBROKEN;

  private ArtifactServer.Fate fate(int length) {
    int comes = left == 0 ? -1 : Math.min(left, length);
    return new ArtifactServer.Fate(comes, false, 0);
  }

  @Override
  public HttpClient http() {
    return server;
  }

  @Override
  public URI base() {
    return URI.create("https://artifacts.test/artifacts");
  }

  @Override
  public void serve(Digest digest, byte[] content) {
    blobs.put(digest.hex(), content);
  }

  @Override
  public void breakAfter(int bytes) {
    left = bytes;
  }

  @Override
  public void refuse() {
    left = 0;
  }

  @Override
  public void mend() {
    left = UNBROKEN;
  }
}
