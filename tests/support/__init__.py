"""What several folders of tests need: databases, servers, browsers, official clients."""
