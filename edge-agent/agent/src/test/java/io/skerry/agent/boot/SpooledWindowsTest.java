package io.skerry.agent.boot;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.observe.OpenWindows;
import io.skerry.agent.uplink.Spool;
import io.skerry.agent.uplink.SpoolSeal;
import io.skerry.protocol.TenantId;
import java.io.IOException;
import java.nio.file.Path;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SpooledWindowsTest {
  @TempDir Path folder;

  private SpooledWindows open(long epoch) throws IOException {
    return new SpooledWindows(
        Spool.open(
            Disk.local(),
            folder,
            SpoolSeal.of(Disk.local(), folder, new TenantId("acme"), new SplittableRandom(epoch)),
            epoch,
            1 << 20));
  }

  @Test
  void keepsTheLargestForTheNextStart() throws IOException {
    byte[] content = new byte[OpenWindows.BYTES_MAX];
    content[7] = 9;

    assertThat(open(1).keep(content)).isTrue();

    assertThat(open(2).left().orElseThrow().content()).isEqualTo(content);
  }
}
