# A Django project without anything in it.
SECRET_KEY = "x"
DEBUG = True
USE_TZ = True
