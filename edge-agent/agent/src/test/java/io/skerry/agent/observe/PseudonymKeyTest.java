package io.skerry.agent.observe;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.agent.disk.Disk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PseudonymKeyTest {
  @TempDir private Path folder;

  private byte[] open(Path dataDir) {
    return PseudonymKey.open(Disk.local(), dataDir, new SecureRandom());
  }

  @Test
  void isTheSameAtEveryStart() {
    byte[] first = open(folder);

    assertThat(first).hasSize(PseudonymKey.BYTES);
    assertThat(open(folder)).isEqualTo(first);
  }

  @Test
  void isMadeAnewWhenItIsDamagedAndThenLasts() throws IOException {
    byte[] first = open(folder);
    Files.writeString(folder.resolve("pseudonym-key"), "damaged");

    byte[] second = open(folder);

    assertThat(second).hasSize(PseudonymKey.BYTES).isNotEqualTo(first);
    assertThat(open(folder)).isEqualTo(second);
  }

  @Test
  void hidesOnWhenItCannotBeKept() {
    Path missing = folder.resolve("nowhere");

    assertThat(open(missing)).hasSize(PseudonymKey.BYTES).isNotEqualTo(open(missing));
  }
}
