package io.skerry.simulator.update;

import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.InvalidKeyException;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.PublicKey;
import java.security.Security;
import java.security.Signature;
import java.security.SignatureException;
import java.security.SignatureSpi;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Ed25519 that checks each signature once: whether it is right depends on nothing else, and runs
 * that stop at every operation check the same few hundreds of thousands of times.
 */
final class RememberedSignatures extends Provider {
  private static final long serialVersionUID = 1;
  private static final String ALGORITHM = "Ed25519";
  private static final int REMEMBERED_MAX = 1000;

  private RememberedSignatures() {
    super("RememberedSignatures", "1", "checks each signature once");
    put("Signature." + ALGORITHM, Verifier.class.getName());
  }

  /** From now on, in this process. */
  static void install() {
    Security.insertProviderAt(new RememberedSignatures(), 1);
  }

  private record Checked(ByteBuffer key, ByteBuffer message, ByteBuffer signature) {}

  /** Made by the JDK. */
  public static final class Verifier extends SignatureSpi {
    private static final Map<Checked, Boolean> REMEMBERED = new ConcurrentHashMap<>();

    private final Signature real;
    private byte[] key = new byte[0];
    private byte[] message = new byte[0];

    /** Over the JDK's own provider. */
    public Verifier() throws GeneralSecurityException {
      real = Signature.getInstance(ALGORITHM, "SunEC");
    }

    @Override
    protected void engineInitVerify(PublicKey newKey) throws InvalidKeyException {
      real.initVerify(newKey);
      key = newKey.getEncoded();
      message = new byte[0];
    }

    @Override
    protected void engineInitSign(PrivateKey newKey) throws InvalidKeyException {
      throw new InvalidKeyException("only checks: the JDK asks its own provider then");
    }

    @Override
    protected void engineUpdate(byte more) {
      engineUpdate(new byte[] {more}, 0, 1);
    }

    @Override
    protected void engineUpdate(byte[] more, int from, int length) {
      message =
          ByteBuffer.allocate(message.length + length).put(message).put(more, from, length).array();
    }

    @Override
    protected boolean engineVerify(byte[] signature) throws SignatureException {
      Checked checked =
          new Checked(
              ByteBuffer.wrap(key), ByteBuffer.wrap(message), ByteBuffer.wrap(signature.clone()));
      Boolean known = REMEMBERED.get(checked);
      if (known == null) {
        real.update(message);
        known = real.verify(signature);
        if (REMEMBERED.size() >= REMEMBERED_MAX) {
          REMEMBERED.clear();
        }
        REMEMBERED.put(checked, known);
      }
      return known;
    }

    @Override
    protected byte[] engineSign() {
      throw new UnsupportedOperationException();
    }

    @Override
    @Deprecated
    protected void engineSetParameter(String name, Object value) {
      throw new UnsupportedOperationException();
    }

    @Override
    @Deprecated
    protected Object engineGetParameter(String name) {
      throw new UnsupportedOperationException();
    }
  }
}
