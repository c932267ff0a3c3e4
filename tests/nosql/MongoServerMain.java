import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import java.util.List;

/** mongo-java-server in memory: prints its port, ends when its stdin is closed. */
public class MongoServerMain {
    /** It says of itself what pymongo asks for at least; it would say 4.2. */
    static class Version implements MongoVersion {
        public List<Integer> getVersionArray() { return List.of(4, 4, 0); }
        public int getWireVersion() { return 9; }
    }

    public static void main(String[] arguments) throws Exception {
        MongoServer server = new MongoServer(new MemoryBackend().version(new Version()));
        System.out.println(server.bind().getPort());
        System.out.flush();
        while (System.in.read() >= 0) { }
        server.shutdownNow();
    }
}
