# keystone as a WSGI application: newer releases have it under one name, 22 under another.
try:
    from keystone.wsgi.api import application
except ImportError:
    from keystone.server.wsgi import initialize_public_application

    application = initialize_public_application()
