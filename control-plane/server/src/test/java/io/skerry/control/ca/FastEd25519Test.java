package io.skerry.control.ca;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.artifact.sign.SigningKey;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FastEd25519Test {
  @Test
  void signsAsTheJdkDoes() {
    Random random = new Random(11);
    for (int bytes : new int[] {0, 1, 63, 64, 65, 127, 128, 700, 100_000}) {
      byte[] seed = new byte[32];
      random.nextBytes(seed);
      byte[] message = new byte[bytes];
      random.nextBytes(message);
      SigningKey key = SigningKey.ofSeed(seed);

      byte[] signature = key.by(new FastEd25519()).sign(message);

      assertThat(signature).isEqualTo(key.sign(message));
      assertThat(key.verificationKey().verifies(message, signature)).isTrue();
    }
  }
}
