package io.skerry.artifact.job;

import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * What every job process does around its work: makes {@code output.part/}, moves it into place when
 * the work is done, and turns a failure into one line on standard error and {@code error.json}.
 */
public final class JobMain {
  /** Exit code of a job that succeeded. */
  public static final int OK = 0;

  /** Exit code of a job that failed: {@code error.json} says why. */
  public static final int FAILED = 1;

  /** Exit code of a process that was started wrongly. */
  public static final int USAGE = 2;

  /**
   * System property of a job's process: the process id of the server that started it. A job ends
   * with its server, which alone can store what becomes of it.
   */
  public static final String SERVER = "skerry.job.server";

  private JobMain() {}

  /** The work of a job. */
  @FunctionalInterface
  public interface Body {
    /**
     * Does it.
     *
     * @param output an empty folder that becomes {@code output/} when this returns
     * @throws JobFailure if the job cannot succeed for a reason that its asker can understand
     */
    void run(JobFolder folder, Path output) throws Exception;
  }

  /**
   * Runs the body on the folder that the only argument names.
   *
   * @return the process's exit code
   */
  public static int run(String program, String[] arguments, Body body) {
    if (arguments.length != 1 || !Files.isDirectory(Path.of(arguments[0]))) {
      System.err.printf("%s: expected one argument, the folder of a job%n", program);
      return USAGE;
    }
    return run(JobFolder.at(Path.of(arguments[0])), body);
  }

  /**
   * Runs the body on this folder.
   *
   * @return the process's exit code
   */
  public static int run(JobFolder folder, Body body) {
    Long server = Long.getLong(SERVER);
    if (server != null) {
      ServerWatch.start(server);
    }
    try {
      Path part = folder.beginOutput();
      body.run(folder, part);
      folder.commitOutput(part);
      return OK;
    } catch (JobFailure e) {
      if (e.code() == ErrorCode.INTERNAL) {
        trace(folder, e);
      }
      return failed(folder, e.code(), JobFolder.oneLine(e));
    } catch (NoSuchFileException e) {
      return failed(folder, ErrorCode.REQUEST_INVALID, "file is missing: " + e.getMessage());
    } catch (IOException e) {
      return failed(folder, ErrorCode.STORAGE_FAILED, JobFolder.oneLine(e));
    } catch (Exception | LinkageError | OutOfMemoryError e) {
      trace(folder, e);
      String detail = e.getClass().getSimpleName() + ": " + JobFolder.oneLine(e);
      return failed(folder, ErrorCode.INTERNAL, detail);
    }
  }

  private static int failed(JobFolder folder, ErrorCode code, String detail) {
    System.err.println(detail);
    try {
      folder.writeError(new JobError(code.name(), detail));
    } catch (IOException e) {
      System.err.println("error.json cannot be written: " + JobFolder.oneLine(e));
    }
    return FAILED;
  }

  private static void trace(JobFolder folder, Throwable thrown) {
    StringWriter text = new StringWriter();
    thrown.printStackTrace(new PrintWriter(text));
    try {
      Files.writeString(folder.path().resolve("trace.txt"), text.toString());
    } catch (IOException e) {
      System.err.println(text);
    }
  }
}
