package io.skerry.agent.boot;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FolderLockTest {
  @TempDir private Path folder;

  @Test
  void keepsTheFolderToOneUntilItIsClosed() throws IOException {
    FolderLock lock = FolderLock.of(folder);

    assertThatThrownBy(() -> FolderLock.of(folder)).hasMessageStartingWith("another agent runs on");

    lock.close();
    lock.close();
    FolderLock next = FolderLock.of(folder);
    assertThatThrownBy(() -> FolderLock.of(folder)).isInstanceOf(IOException.class);
    next.close();
  }

  @Test
  void isNeverTakenAgainAfterItWasClosed() throws IOException {
    FolderLock lock = FolderLock.of(folder);
    lock.close();

    assertThatThrownBy(lock::hold)
        .isInstanceOf(IOException.class)
        .hasMessageContaining("was given up: the agent is closed");

    assertThatCode(() -> FolderLock.of(folder).close()).doesNotThrowAnyException();
  }
}
